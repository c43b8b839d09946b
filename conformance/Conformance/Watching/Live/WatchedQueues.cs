using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Live;

/// <summary>Follows every queue from the time it is enabled until it is reset.</summary>
internal sealed class WatchedQueues(IGuestRam ram, DriverHistory driver, Action<Observation> see)
{
    private const ulong LegacyPage = 4096;

    private readonly Dictionary<int, RingTracker> trackers = [];

    /// <summary>GuestPageSize of MMIO version 1.</summary>
    public uint GuestPageSize { get; set; } = (uint)LegacyPage;

    private IEnumerable<RingTracker> Reachable => trackers.Values.Where(tracker => tracker.IsReachable);

    /// <summary>The driver wrote guest memory.</summary>
    public void DriverWrote(ulong address, int length, bool isChange)
    {
        foreach (var tracker in trackers.Values) tracker.DriverWrote(address, length, isChange);
    }

    /// <summary>The device could have returned chains.</summary>
    public void LookForUsed()
    {
        foreach (var tracker in Reachable) tracker.LookForUsed();
    }

    /// <summary>The driver could have made chains available: for those who do not see its writes.</summary>
    public void LookForAvailable()
    {
        foreach (var tracker in Reachable) tracker.LookForAvailable();
    }

    /// <summary>The driver has written registers: queues may have been enabled or taken away.</summary>
    public void Follow()
    {
        foreach (var number in trackers.Keys.Where(number => !driver.Queue(number).IsEnabled).ToList()) trackers.Remove(number);
        foreach (var queue in driver.Queues)
        {
            if (!queue.IsEnabled || trackers.ContainsKey(queue.Number) || Tracker(queue) is not { } tracker) continue;
            trackers[queue.Number] = tracker;
            tracker.TellLayout();
        }
    }

    private RingTracker? Tracker(QueueHistory queue)
    {
        if (queue.Size is not (> 0 and <= 32768) || AddressesOf(queue, (ushort)queue.Size) is not { } at) return null;
        var features = driver.Negotiated ?? driver.Accepted;
        var (size, inOrder) = ((ushort)queue.Size, (features & Features.InOrder) != 0);
        var isPacked = (features & Features.RingPacked) != 0;

        RingTracker tracker = isPacked ? new PackedTracker(queue.Number, size, at, ram, inOrder, see) : new SplitTracker(queue.Number, size, at, ram, inOrder, see);
        return tracker.IsReachable ? tracker : null;
    }

    private QueueAddresses? AddressesOf(QueueHistory queue, ushort size)
    {
        if (driver.IsLegacy)
        {
            // 2.7.2: table and available ring, and the used ring at the next multiple of Queue Align.
            var start = queue.Written(QueueField.PageNumber)!.Value * GuestPageSize;
            var align = Math.Max(1, queue.Written(QueueField.Align) ?? LegacyPage);
            var available = start + 16UL * size;
            var end = available + 6 + 2UL * size;
            return new QueueAddresses(start, available, start + (end - start + align - 1) / align * align);
        }
        return queue.Address(QueueField.DescriptorsLow, QueueField.DescriptorsHigh) is { } descriptors
            && queue.Address(QueueField.DriverLow, QueueField.DriverHigh) is { } driverArea
            && queue.Address(QueueField.DeviceLow, QueueField.DeviceHigh) is { } deviceArea
            ? new QueueAddresses(descriptors, driverArea, deviceArea)
            : null;
    }
}
