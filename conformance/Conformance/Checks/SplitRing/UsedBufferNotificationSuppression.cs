using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.SplitRing;

/// <summary>2.7.7 Used Buffer Notification Suppression.</summary>
internal static class UsedBufferNotificationSuppressionChecks
{
    [Check("SPLIT-USEDSUPP-D-01",
        Does = "Declines EVENT_IDX, leaves the flags at 0, and sends requests with used_event in front of, at and behind the used index.",
        Reading = "Each brings a notification: the field means nothing without the feature.")]
    internal static void Without_EVENT_IDX_used_event_is_ignored(CheckContext check)
    {
        var (driver, queue) = StartListening(check, 0);
        foreach (var distance in (int[])[0x7fff, 1, 0, -1, -0x7fff])
        {
            queue.WriteUsedEvent((ushort)(queue.ReadUsedIndex() + distance));
            Knock.GivenServed(check, driver);
            Listening.IsNotified(check, $"of a request with used_event {distance:+#;-#;0} from the used index");
        }
    }

    [Check("SPLIT-USEDSUPP-D-02",
        Does = "Declines EVENT_IDX, sets the flags to 1 and sends requests; sets them to 0 again and sends another.",
        Reading = "No notification while the flags are 1. The one after shows that the device can.")]
    internal static void Without_EVENT_IDX_flags_of_1_are_heeded(CheckContext check)
    {
        var (driver, queue) = StartListening(check, 0);
        queue.WriteAvailableFlags(1);
        Listening.IsSilent(check, driver, requests: 3, "while flags are 1");
        queue.WriteAvailableFlags(0);
        Knock.GivenServed(check, driver);
        Given(Listening.Hears(check.Machine, Notifications.Used), "no used buffer notification is seen with flags 0 either");
    }

    [Check("SPLIT-USEDSUPP-D-03",
        Does = "Declines EVENT_IDX, leaves the flags at 0, and sends requests, one at a time and several together.",
        Reading = "A notification after each of them, and at least one for those together.")]
    internal static void Without_EVENT_IDX_flags_of_0_bring_a_notification_each_time(CheckContext check)
    {
        var (driver, _) = StartListening(check, 0);
        for (var i = 0; i < 4; i++)
        {
            Knock.GivenServed(check, driver);
            Listening.IsNotified(check, $"of request {i}, with flags 0");
        }
        Given(driver.SendTogether([Knock.On(check), Knock.On(check)]).All(exchange => exchange.IsReturned), "two requests together do not come back");
        Listening.IsNotified(check, "of two requests together, with flags 0");
    }

    [Check("SPLIT-USEDSUPP-D-04",
        Does = "Accepts EVENT_IDX, sets the flags to 1 and used_event to the used index, and sends a request.",
        Reading = "It brings a notification: the flags mean nothing with the feature.")]
    internal static void With_EVENT_IDX_the_low_bit_of_flags_is_ignored(CheckContext check)
    {
        var (driver, queue) = StartListening(check, Features.EventIdx);
        queue.WriteAvailableFlags(1);
        for (var i = 0; i < 3; i++)
        {
            queue.WriteUsedEvent(queue.ReadUsedIndex());
            Knock.GivenServed(check, driver);
            Listening.IsNotified(check, "of a request at used_event, with flags 1");
        }
    }

    [Check("SPLIT-USEDSUPP-D-05",
        Does = "Accepts EVENT_IDX, sets used_event to the used index or two behind it, and sends as many requests, one at a time.",
        Reading = "A notification once the used element at index used_event is written.")]
    internal static void With_EVENT_IDX_the_element_at_used_event_brings_a_notification(CheckContext check)
    {
        var (driver, queue) = StartListening(check, Features.EventIdx);
        foreach (var ahead in (int[])[0, 0, 2, 1])
        {
            queue.WriteUsedEvent((ushort)(queue.ReadUsedIndex() + ahead));
            for (var i = 0; i <= ahead; i++) Knock.GivenServed(check, driver);
            Listening.IsNotified(check, $"of the request at used_event, {ahead} behind the used index when that was set");
        }
    }

    [Check("SPLIT-USEDSUPP-D-05",
        Does = "Accepts EVENT_IDX, makes three requests available together, and sets used_event to the first, the second, or the last of them.",
        Reading = "A notification each time, wherever among those used together the element is.")]
    internal static void With_EVENT_IDX_an_element_among_several_at_used_event_brings_a_notification(CheckContext check)
    {
        var (driver, queue) = StartListening(check, Features.EventIdx);
        string[] places = ["first", "second", "last"];
        for (var place = 0; place < places.Length; place++)
        {
            queue.WriteUsedEvent((ushort)(queue.ReadUsedIndex() + place));
            Given(driver.SendTogether([Knock.On(check), Knock.On(check), Knock.On(check)]).All(exchange => exchange.IsReturned), "three requests together do not come back");
            Listening.IsNotified(check, $"of three requests together, the {places[place]} of them at used_event");
        }
    }

    [Check("SPLIT-USEDSUPP-D-05",
        Does = "Accepts EVENT_IDX, uses the queue until its index is about to wrap, and sets used_event to 65535, then to 0.",
        Reading = "A notification at either index.")]
    internal static void With_EVENT_IDX_used_event_is_met_where_the_index_wraps(CheckContext check)
    {
        var (driver, queue) = StartListening(check, Features.EventIdx);
        queue.WriteUsedEvent((ushort)(queue.ReadUsedIndex() - 1));
        var chains = new ReusedChains(check, driver, queue);
        chains.UseUntil(ushort.MaxValue - 1);
        Listening.Forget(check.Machine);
        foreach (var awaited in (ushort[])[ushort.MaxValue, 0])
        {
            queue.WriteUsedEvent(awaited);
            chains.UseUntil((ushort)(awaited + 1));
            Listening.IsNotified(check, $"of the request at used_event {awaited}");
        }
    }

    [Check("SPLIT-USEDSUPP-D-06",
        Does = "Accepts EVENT_IDX, sets used_event three behind the used index, or one in front of it, and sends requests that do not reach it.",
        Reading = "No notification. The one of the request that reaches it shows that the device can.")]
    internal static void With_EVENT_IDX_other_elements_bring_no_notification(CheckContext check)
    {
        var (driver, queue) = StartListening(check, Features.EventIdx);
        queue.WriteUsedEvent((ushort)(queue.ReadUsedIndex() + 3));
        Listening.IsSilent(check, driver, requests: 3, "in front of used_event");
        Knock.GivenServed(check, driver);
        Given(Listening.Hears(check.Machine, Notifications.Used), "no used buffer notification is seen of the request at used_event either");
        queue.WriteUsedEvent((ushort)(queue.ReadUsedIndex() - 1));
        Listening.IsSilent(check, driver, requests: 3, "behind used_event");
    }

    [Check("SPLIT-USEDSUPP-D-03", Uses = ["SPLIT-USEDSUPP-V-02", "SPLIT-SUPPLY-V-06"],
        Does = "Declines EVENT_IDX, and works as a driver that is not to be disturbed: sets the flags to 1, has requests served and takes them in, sets the flags to 0, and looks "
            + "into the ring once more.",
        Reading = "Everything comes back meanwhile, and the next request brings a notification again.")]
    internal static void Without_EVENT_IDX_notifications_switched_off_while_the_ring_is_processed_come_again(CheckContext check)
    {
        var (driver, queue) = StartListening(check, 0);
        ComeAgain(check, driver, () => queue.WriteAvailableFlags(1), () => queue.WriteAvailableFlags(0));
    }

    [Check("SPLIT-USEDSUPP-D-05", Uses = ["SPLIT-USEDSUPP-V-04", "SPLIT-SUPPLY-V-06"],
        Does = "Accepts EVENT_IDX, and works as a driver that is not to be disturbed: sets used_event to where the device will not come, has requests served and takes them in, sets "
            + "used_event to the used index, and looks into the ring once more.",
        Reading = "Everything comes back meanwhile, and the next request brings a notification again.")]
    internal static void With_EVENT_IDX_notifications_put_off_while_the_ring_is_processed_come_again(CheckContext check)
    {
        var (driver, queue) = StartListening(check, Features.EventIdx);
        ComeAgain(check, driver, () => queue.WriteUsedEvent((ushort)(queue.ReadUsedIndex() - 1)), () => queue.WriteUsedEvent(queue.ReadUsedIndex()));
    }

    private static void ComeAgain(CheckContext check, IommuDriver driver, Action switchOff, Action switchOn)
    {
        for (var round = 0; round < 4; round++)
        {
            switchOff();
            var served = driver.SendTogether([Knock.On(check), Knock.On(check)]);
            That(served.All(exchange => exchange.IsReturned), "two requests together served while notifications are switched off",
                $"{served.Count(exchange => !exchange.IsReturned)} do not come back, status {check.Machine.Transport.ReadStatus()}");
            switchOn();
            driver.Collect();
            Listening.Forget(check.Machine);
            Knock.GivenServed(check, driver);
            Listening.IsNotified(check, $"of a request after notifications were switched off and on again, {round + 1} times");
        }
    }

    /// <summary>A driver that hears used buffer notifications, with EVENT_IDX or without, when nothing is pending.</summary>
    private static (IommuDriver Driver, SplitQueue Queue) StartListening(CheckContext check, ulong accept)
    {
        check.Requires(accept);
        var driver = check.Start(Listening.Settings(check, accept));
        var queue = Split(driver.Requests);

        // The ring was zeroed, so that both flags and used_event ask for the first of all notifications.
        Listening.GivenHeard(check, driver);
        return (driver, queue);
    }
}
