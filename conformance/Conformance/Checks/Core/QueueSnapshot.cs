using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;

namespace Viommu.Conformance.Checks.Core;

/// <summary>What the memory of a split virtqueue and of chains on it held at one moment, to prove that the device left it alone since.</summary>
internal sealed class QueueSnapshot
{
    private readonly Machine machine;
    private readonly SplitQueue queue;
    private readonly Exchange[] untouched;
    private readonly byte[][] areas;
    private readonly ushort usedIndex;

    /// <summary>Takes the snapshot; <paramref name="untouched"/> are chains into which the device has written nothing yet.</summary>
    public QueueSnapshot(Machine machine, SplitQueue queue, params Exchange[] untouched)
    {
        this.machine = machine;
        this.queue = queue;
        this.untouched = untouched;
        areas = ReadAreas();
        usedIndex = queue.ReadUsedIndex();
    }

    /// <summary>What the device did since, in a few words; null where it did nothing.</summary>
    public string? Change()
    {
        if (queue.ReadUsedIndex() is var index && index != usedIndex) return $"used.idx of queue {queue.Number} went from {usedIndex} to {index}";
        var now = ReadAreas();
        for (var area = 0; area < areas.Length; area++)
        {
            if (!now[area].AsSpan().SequenceEqual(areas[area])) return $"the {AreaNames[area]} of queue {queue.Number} changed";
        }
        foreach (var exchange in untouched)
        {
            exchange.Inspect();
            if (!exchange.IsUnwritten) return $"the device wrote into the buffer of {exchange.Request}";
        }
        return null;
    }

    private static readonly string[] AreaNames = ["descriptor table", "available ring", "used ring"];

    private byte[][] ReadAreas() =>
    [
        // 2.7: the sizes of the three parts.
        Read(queue.Addresses.Descriptors, Descriptor.Size * queue.Size),
        Read(queue.Addresses.Driver, 6 + 2 * queue.Size),
        Read(queue.Addresses.Device, 6 + 8 * queue.Size),
    ];

    private byte[] Read(ulong address, int length)
    {
        var bytes = new byte[length];
        machine.Target.Ram.Read(address, bytes);
        return bytes;
    }
}
