using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.SplitRing;

/// <summary>Which chains a driver has exposed in split rings since its last notification of their queue, and what the device wished then (2.7.10).</summary>
internal sealed class DoorbellDuty
{
    private readonly Dictionary<int, NotificationsWished> wishes = [];
    private readonly List<Exposure> exposures = [];

    /// <summary>
    /// Takes an observation in. Returns what a notification, which was seen, was of; or with the driver waiting for the device, and nothing
    /// more to come, what there has been no notification of. Empty otherwise.
    /// </summary>
    public IReadOnlyList<Exposure> Take(Observation seen, DriverHistory driver)
    {
        switch (seen)
        {
            case NotificationsWished wish:
                wishes[wish.Queue] = wish;
                break;
            case ChainAvailable { Chain: { Position: { } position } chain } when driver.IsLive && !driver.Has(Features.RingPacked) && wishes.TryGetValue(chain.Queue, out var wish):
                exposures.Add(new Exposure(chain.Queue, (ushort)position, wish));
                break;
            case Doorbell doorbell:
                return Remove(exposure => exposure.Queue == doorbell.Queue);
            case DriverWaits:
                return Remove(_ => true);
            case StatusWritten { Status: DeviceStatus.None } or SystemWasReset:
                wishes.Clear();
                exposures.Clear();
                break;
            case QueueWritten { Field: QueueField.Reset or QueueField.PageNumber or QueueField.Enable } written:
                Remove(exposure => exposure.Queue == written.Queue);
                break;
        }
        return [];
    }

    private List<Exposure> Remove(Predicate<Exposure> which)
    {
        var removed = exposures.FindAll(which);
        exposures.RemoveAll(which);
        return removed;
    }

    /// <summary>A chain that was made available, at this available index, under these wishes of the device.</summary>
    internal sealed record Exposure(int Queue, ushort Position, NotificationsWished Wish)
    {
        /// <summary>The lower bit of the used flags is 0: without EVENT_IDX the device wants to be notified.</summary>
        public bool IsWantedByFlags => (Wish.UsedFlags & 1) == 0;

        /// <summary>The chain is at avail_event: with EVENT_IDX the device wants to be notified.</summary>
        public bool IsWantedByEvent => Position == Wish.AvailEvent;
    }
}
