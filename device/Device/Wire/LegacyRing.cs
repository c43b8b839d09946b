namespace Viommu.Device.Wire;

/// <summary>
/// The legacy layout of a split virtqueue (section 2.7.2): one contiguous area with descriptor table, available ring, padding up to the
/// queue alignment, used ring.
/// </summary>
internal static class LegacyRing
{
    /// <summary>Page size and queue alignment of legacy virtio-pci, in bytes; legacy virtio-mmio starts out with it.</summary>
    public const uint PageSize = 4096;

    /// <summary>Where the available ring is in a queue of <paramref name="size"/> descriptors.</summary>
    public static ulong Available(int size) => RawDescriptor.Size * (ulong)size;

    /// <summary>Where the used ring is, for an <paramref name="alignment"/> that is a power of two.</summary>
    public static ulong Used(int size, uint alignment)
    {
        // sizeof(u16)*(3 + qsz): flags, index and used_event belong to the available ring.
        ulong end = Available(size) + SplitRing.UsedEvent(size) + sizeof(ushort);
        return (end + alignment - 1) & ~((ulong)alignment - 1);
    }
}
