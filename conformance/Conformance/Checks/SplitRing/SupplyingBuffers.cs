using Viommu.Conformance.Checks.Core;
using Viommu.Conformance.Checks.Rings;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.SplitRing;

/// <summary>2.7.13 Supplying Buffers to The Device, and what a notification says of them (2.9).</summary>
internal static class SupplyingBuffersChecks
{
    internal static TargetShape OfferingNotificationData => NotificationPosition.Shape;

    [Check("SPLIT-SUPPLY-D-01",
        Does = "Exposes three requests one after the other without a notification, waits, and notifies.",
        Reading = "The device may have served them before the notification or not, and the remark tells which. After it all are served, each once.")]
    internal static void Chains_that_are_exposed_are_served_at_once_or_when_notified_of(CheckContext check)
    {
        var driver = check.Start();
        var queue = Split(driver.Requests);
        Knock.GivenServed(check, driver);
        var at = queue.ReadUsedIndex();
        var heads = Enumerable.Range(0, Math.Min(3, queue.Size / 2)).Select(_ => (uint)driver.MakeAvailable(Knock.On(check), Framing.Plain).Chain).ToList();
        check.Machine.Target.Settle();
        var early = (ushort)(queue.ReadUsedIndex() - at);
        driver.NotifyRequests();
        check.Machine.Await(() => (ushort)(queue.ReadUsedIndex() - at) >= heads.Count);
        check.Machine.Target.Settle();
        var count = (ushort)(queue.ReadUsedIndex() - at);
        That(count == heads.Count, $"{heads.Count} chains used that were exposed before one notification", $"{count} used");
        var used = Enumerable.Range(0, heads.Count).Select(i => queue.ReadUsedElement((ushort)(at + i)).Id);
        That(used.Order().SequenceEqual(heads.Order()), $"each of the heads {string.Join(" ", heads)} used once", string.Join(" ", used));
        check.Note = early == 0 ? "exposed chains wait for the notification" : $"{early} of {heads.Count} exposed chains were served without a notification";
    }

    [Check("DESC-SPLIT-07",
        Does = "Writes the heads of three requests into the available ring, lets the index count only the first, and notifies.",
        Reading = "One used element, of the first; the other two once the index counts them.")]
    internal static void A_ring_entry_is_not_taken_before_the_index_counts_it(CheckContext check)
    {
        var driver = check.Start();
        var queue = Split(driver.Requests);
        Knock.GivenServed(check, driver);
        var (at, since) = (queue.ReadUsedIndex(), queue.Position);
        var requests = Enumerable.Range(0, Math.Min(3, queue.Size / 2)).Select(_ => Prepare(driver, Knock.On(check))).ToList();
        for (var i = 0; i < requests.Count; i++) queue.WriteAvailableEntry((ushort)(since + i), requests[i]);
        queue.WriteAvailableIndex((ushort)(since + 1));
        driver.NotifyRequests();
        Given(check.Machine.Await(() => queue.ReadUsedIndex() != at), "the first request does not come back");
        check.Machine.Target.Settle();
        That(queue.ReadUsedIndex() == (ushort)(at + 1), "one chain used, as the index counts", $"{(ushort)(queue.ReadUsedIndex() - at)} used");
        That(queue.ReadUsedElement(at).Id == requests[0], $"head {requests[0]} used, which is the one counted", $"id {queue.ReadUsedElement(at).Id}");
        queue.WriteAvailableIndex((ushort)(since + requests.Count));
        driver.NotifyRequests();
        That(check.Machine.Await(() => queue.ReadUsedIndex() == (ushort)(at + requests.Count)), "the others used once the index counts them", $"{(ushort)(queue.ReadUsedIndex() - at)} used in all");
    }

    [Check("DESC-SPLIT-08", Shape = nameof(OfferingNotificationData),
        Does = "Negotiates NOTIFICATION_DATA, and notifies twice of each batch, with next_off and next_wrap as the available index goes through all its 65536 values.",
        Reading = "All that a notification announces is served after it, and the second one, with the same values, brings nothing new. N/A where no device with the feature can be had.")]
    internal static void A_notification_with_a_position_has_all_served_up_to_it(CheckContext check)
    {
        var driver = NotificationPosition.Start(check);
        var queue = Split(driver.Requests);
        var chains = new ReusedChains(check, driver, queue);
        var batch = chains.Heads.Length;
        NotificationPosition.FindsEverything(
            check, driver, 65536 / batch + 1, expose: () => chains.MakeAvailable(batch), isServed: () => queue.ReadUsedIndex() == queue.Position);
    }

    /// <summary>Writes a chain of two descriptors without exposing it; returns its head.</summary>
    private static ushort Prepare(IommuDriver driver, Request request)
    {
        var queue = Split(driver.Requests);
        var lending = new Lending(driver);
        var slots = queue.TakeSlots(2);
        queue.WriteDescriptor(slots[0], new Descriptor(lending.Readable(request), (uint)request.Encode().Length, DescriptorFlags.Next, slots[1]));
        queue.WriteDescriptor(slots[1], new Descriptor(lending.Lent(request.WritableLength), (uint)request.WritableLength, DescriptorFlags.Write, 0));
        return slots[0];
    }
}
