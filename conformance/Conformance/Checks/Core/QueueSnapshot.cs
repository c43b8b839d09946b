using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;

namespace Viommu.Conformance.Checks.Core;

/// <summary>What the memory of a virtqueue and of chains on it held at one moment, to prove that the device left it alone since.</summary>
internal sealed class QueueSnapshot
{
    private readonly Machine machine;
    private readonly DriverQueue queue;
    private readonly Exchange[] untouched;
    private readonly byte[][] areas;

    /// <summary>Takes the snapshot; <paramref name="untouched"/> are chains into which the device has written nothing yet.</summary>
    public QueueSnapshot(Machine machine, DriverQueue queue, params Exchange[] untouched)
    {
        this.machine = machine;
        this.queue = queue;
        this.untouched = untouched;
        areas = ReadAreas();
    }

    /// <summary>What the device did since, in a few words; null where it did nothing.</summary>
    public string? Change()
    {
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

    private byte[][] ReadAreas() => [.. queue.Areas.Select(area => Read(area.Address, area.Length))];

    private byte[] Read(ulong address, int length)
    {
        var bytes = new byte[length];
        machine.Target.Ram.Read(address, bytes);
        return bytes;
    }
}
