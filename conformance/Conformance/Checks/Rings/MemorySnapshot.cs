using Viommu.Guest.Driver;

namespace Viommu.Conformance.Checks.Rings;

/// <summary>All memory that the driver has in use at one moment, and some behind it, to prove that the device wrote nowhere but where it may.</summary>
internal sealed class MemorySnapshot
{
    // An index that is taken for one of a larger table, or not taken modulo the ring, leads less far than this.
    private const int Behind = 1 << 20;

    private readonly Machine machine;
    private readonly ulong first;
    private readonly byte[] before;

    public MemorySnapshot(Machine machine)
    {
        this.machine = machine;
        first = machine.Target.Ram.Window.First;
        var end = machine.Heap.Allocate(Behind, 16) + Behind;
        before = new byte[end - first];
        machine.Target.Ram.Read(first, before);
    }

    /// <summary>The first byte that changed since outside <paramref name="allowed"/>, in a few words; null where there is none.</summary>
    public string? ChangeOutside(IEnumerable<(ulong Address, int Length)> allowed)
    {
        var now = new byte[before.Length];
        machine.Target.Ram.Read(first, now);
        foreach (var (address, length) in allowed)
        {
            var at = (int)(address - first);
            before.AsSpan(at, length).CopyTo(now.AsSpan(at));
        }
        var changed = now.AsSpan().CommonPrefixLength(before);
        return changed == now.Length ? null : $"the device wrote 0x{now[changed]:x2} over 0x{before[changed]:x2} at 0x{first + (ulong)changed:x}";
    }
}
