namespace Viommu.Device.Tests.Support;

/// <summary>Rings where the legacy layout has them (section 2.7.2).</summary>
internal static class LegacyRings
{
    public static Ring At(IMachine machine, int queue, int size, ulong at, uint align)
    {
        // The listing: descriptors of 16 bytes; flags, idx, ring, used_event of 2; padding; the used ring.
        ulong available = at + (16 * (ulong)size);
        ulong used = available + 2 + 2 + (2 * (ulong)size) + 2;
        while (used % align != 0) used++;
        return new(machine, queue, size, at) { Available = available, Used = used };
    }
}
