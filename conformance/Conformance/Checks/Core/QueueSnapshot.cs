using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;

namespace Viommu.Conformance.Checks.Core;

/// <summary>What the memory of a virtqueue and of chains on it held at one moment, to prove that the device left it alone since.</summary>
internal sealed class QueueSnapshot
{
    private readonly Machine machine;
    private readonly DriverQueue queue;
    private readonly Exchange[] untouched;
    private readonly bool buffersOnly;
    private readonly byte[][] areas;
    private readonly ushort? usedIndex;

    /// <summary>Takes the snapshot; <paramref name="untouched"/> are chains into which the device has written nothing yet.</summary>
    public QueueSnapshot(Machine machine, DriverQueue queue, params Exchange[] untouched) : this(machine, queue, buffersOnly: false, untouched)
    {
    }

    private QueueSnapshot(Machine machine, DriverQueue queue, bool buffersOnly, Exchange[] untouched)
    {
        this.machine = machine;
        this.queue = queue;
        this.buffersOnly = buffersOnly;
        this.untouched = untouched;
        areas = ReadAreas();
        usedIndex = ReadUsedIndex();
    }

    /// <summary>
    /// Takes a snapshot of what changes when a buffer is consumed. That leaves out where the device says which notifications it wants:
    /// a device that may not consume buffers yet may say that all the same.
    /// </summary>
    public static QueueSnapshot OfBuffers(Machine machine, DriverQueue queue, params Exchange[] untouched) => new(machine, queue, buffersOnly: true, untouched);

    /// <summary>What the device did since, in a few words; null where it did nothing.</summary>
    public string? Change()
    {
        if (ReadUsedIndex() is var index && index != usedIndex) return $"used.idx of queue {queue.Number} went from {usedIndex} to {index}";
        var now = ReadAreas();
        for (var area = 0; area < areas.Length; area++)
        {
            if (!now[area].AsSpan().SequenceEqual(areas[area])) return $"the {queue.Areas[area].Name} of queue {queue.Number} changed";
        }
        foreach (var exchange in untouched)
        {
            exchange.Inspect();
            if (!exchange.IsUnwritten) return $"the device wrote into the buffer of {exchange.Request}";
        }
        return null;
    }

    /// <summary>The clause asks for <paramref name="expected"/>: that the device did nothing since.</summary>
    public void IsUnchanged(string expected)
    {
        var change = Change();
        CheckContext.That(change is null, expected, change ?? "");
    }

    private byte[][] ReadAreas()
    {
        byte[][] now = [.. queue.Areas.Select(area => Read(area.Address, area.Length))];
        if (!buffersOnly) return now;
        foreach (var wish in queue.NotificationWishes) now[^1].AsSpan(wish).Clear();
        return now;
    }

    /// <summary>Tells the most where there is one; packed rings have no index.</summary>
    private ushort? ReadUsedIndex() => (queue as SplitQueue)?.ReadUsedIndex();

    private byte[] Read(ulong address, int length)
    {
        var bytes = new byte[length];
        machine.Target.Ram.Read(address, bytes);
        return bytes;
    }
}
