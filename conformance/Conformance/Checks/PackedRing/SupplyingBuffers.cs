using Viommu.Conformance.Checks.Core;
using Viommu.Conformance.Checks.Rings;
using Viommu.Guest.Targets;
using Viommu.Guest.Virtqueue;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.PackedRing;

/// <summary>2.8.21 Supplying Buffers to The Device, and what a notification says of them (2.9).</summary>
internal static class SupplyingBuffersChecks
{
    internal static TargetShape OfferingNotificationData => NotificationPosition.Shape;

    [Check("PACKED-SUPPLY-D-01",
        Does = "Exposes three requests one after the other without a notification, waits, and notifies.",
        Reading = "The device may have served them before the notification or not, and the remark tells which. After it all are served, each once.")]
    internal static void Lists_that_are_exposed_are_served_at_once_or_when_notified_of(CheckContext check)
    {
        var driver = check.Start();
        var queue = Packed(driver.Requests);
        var waiting = Enumerable.Range(0, Math.Min(3, queue.Size / 2)).Select(_ => (uint)driver.MakeAvailable(Knock.On(check), Framing.Plain).Chain).ToHashSet();
        var count = waiting.Count;
        check.Machine.Target.Settle();
        Take();
        var early = count - waiting.Count;
        driver.NotifyRequests();
        check.Machine.Await(() =>
        {
            Take();
            return waiting.Count == 0;
        });
        That(waiting.Count == 0, $"{count} lists used that were exposed before one notification", $"{waiting.Count} of them do not come back");
        That(!queue.TryTakeUsed(out var again), "each of them used once", $"id {again.Id} again");
        check.Note = early == 0 ? "exposed lists wait for the notification" : $"{early} of {count} exposed lists were served without a notification";

        void Take()
        {
            while (queue.TryTakeUsed(out var used)) That(waiting.Remove(used.Id), "each of them used once", $"id {used.Id}, used before or never made available");
        }
    }

    [Check("DESC-PACKED-14", Shape = nameof(OfferingNotificationData),
        Does = "Negotiates NOTIFICATION_DATA, and notifies twice of each batch, with next_off and next_wrap going five times round a ring.",
        Reading = "All that a notification announces is served after it, and the second one, with the same values, brings nothing new. N/A where no device with the feature can be had.")]
    internal static void A_notification_with_a_position_has_all_served_up_to_it(CheckContext check)
    {
        Packed(check.Start().Requests);
        var driver = NotificationPosition.Start(check);
        var queue = Packed(driver.Requests);
        var batch = Math.Max(1, Math.Min(16, queue.Size / 4));
        var waiting = new HashSet<uint>();
        NotificationPosition.FindsEverything(check, driver, 5 * queue.Size / (2 * batch) + 1, Expose, IsServed);

        void Expose()
        {
            for (var i = 0; i < batch; i++) waiting.Add(driver.MakeAvailable(Knock.On(check), Framing.Plain).Chain);
        }

        bool IsServed()
        {
            while (queue.TryTakeUsed(out var used)) That(waiting.Remove(used.Id), "each list used once", $"id {used.Id}, used before or never made available");
            return waiting.Count == 0;
        }
    }
}
