using Viommu.Conformance.Checks.Core;
using Viommu.Conformance.Checks.Rings;
using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.PackedRing;

/// <summary>2.8.10 Driver and Device Event Suppression.</summary>
internal static class EventSuppressionChecks
{
    private const ushort Enable = 0, Disable = 1, ForDescriptor = 2;

    [Check("DESC-PACKED-08",
        Does = "Leaves the driver's event flags at RING_EVENT_FLAGS_ENABLE, with any offset and wrap counter beside them, and sends requests.",
        Reading = "A notification after each of them.")]
    internal static void ENABLE_brings_a_notification_each_time(CheckContext check)
    {
        var (driver, queue) = StartListening(check, 0);
        foreach (var descriptor in (ushort[])[0, 0x7fff, 0x8000, 0xffff])
        {
            queue.WriteDriverEvent(descriptor, Enable);
            Knock.GivenServed(check, driver);
            Listening.IsNotified(check, $"of a request with flags ENABLE and descriptor 0x{descriptor:x4}");
        }
    }

    [Check("DESC-PACKED-09",
        Does = "Sets the driver's event flags to RING_EVENT_FLAGS_DISABLE and sends requests; sets them to ENABLE again and sends another.",
        Reading = "No notification while they are DISABLE. The one after shows that the device can.")]
    internal static void DISABLE_is_heeded(CheckContext check)
    {
        var (driver, queue) = StartListening(check, 0);
        queue.WriteDriverEvent(0, Disable);
        Listening.IsSilent(check, driver, requests: 3, "with flags DISABLE");
        queue.WriteDriverEvent(0, Enable);
        Knock.GivenServed(check, driver);
        Given(Listening.Hears(check.Machine, Notifications.Used), "no used buffer notification is seen with flags ENABLE either");
    }

    [Check("DESC-PACKED-10",
        Does = "Accepts EVENT_IDX, asks for a notification of the next used descriptor, or of one two lists ahead, at any place of a ring of eight, and sends as many requests.",
        Reading = "A notification once the descriptor at that offset is used in the round of that wrap counter.")]
    internal static void DESC_brings_a_notification_of_that_descriptor(CheckContext check)
    {
        var (driver, queue) = StartListening(check, Features.EventIdx, SmallRing(check));
        for (var round = 0; round < 2 * queue.Size; round++)
        {
            var ahead = round % 3;
            queue.WriteDriverEvent(queue.PositionAhead(2 * ahead), ForDescriptor);
            for (var i = 0; i <= ahead; i++) Knock.GivenServed(check, driver);
            Listening.IsNotified(check, $"of the request whose used descriptor was asked for, {2 * ahead} entries ahead");
        }
    }

    [Check("DESC-PACKED-10",
        Does = "Accepts EVENT_IDX, makes three requests available together, and asks for a notification of the used descriptor of the first, the second, or the last.",
        Reading = "A notification each time, wherever among those used together the descriptor is.")]
    internal static void DESC_brings_a_notification_of_a_descriptor_among_several(CheckContext check)
    {
        var (driver, queue) = StartListening(check, Features.EventIdx, SmallRing(check));
        for (var round = 0; round < 2 * queue.Size; round++)
        {
            queue.WriteDriverEvent(queue.PositionAhead(2 * (round % 3)), ForDescriptor);
            Given(driver.SendTogether([Knock.On(check), Knock.On(check), Knock.On(check)]).All(exchange => exchange.IsReturned), "three requests together do not come back");
            Listening.IsNotified(check, $"of three requests together, number {round % 3 + 1} of them asked for");
        }
    }

    [Check("DESC-PACKED-11",
        Does = "Accepts EVENT_IDX, asks for a notification of a descriptor three lists ahead, or of the next one in the other round, and sends requests that do not reach it.",
        Reading = "No notification. The one of the request that reaches it shows that the device can.")]
    internal static void DESC_brings_no_notification_of_other_descriptors(CheckContext check)
    {
        var (driver, queue) = StartListening(check, Features.EventIdx, SmallRing(check));
        queue.WriteDriverEvent(queue.PositionAhead(6), ForDescriptor);
        Listening.IsSilent(check, driver, requests: 3, "in front of the descriptor asked for");
        Knock.GivenServed(check, driver);
        Given(Listening.Hears(check.Machine, Notifications.Used), "no used buffer notification is seen of the descriptor asked for either");
        queue.WriteDriverEvent(queue.PositionAhead(queue.Size), ForDescriptor);
        Listening.IsSilent(check, driver, requests: 3, "of the descriptor asked for in the other round");
    }

    [Check("DESC-PACKED-12",
        Does = "Reads the device's event suppression structure before, while and after requests are served, without EVENT_IDX and with it.",
        Reading = "Flags ENABLE or DISABLE, and DESC with EVENT_IDX alone; then the offset is inside the ring. No reserved bit is set.")]
    internal static void The_device_event_suppression_structure_holds_what_is_defined(CheckContext check)
    {
        foreach (var accept in (ulong[])[Features.AcceptedByDefault & ~Features.EventIdx, Features.AcceptedByDefault])
        {
            var driver = check.Start(new DriverSettings { Accept = accept });
            var queue = Packed(driver.Requests);
            Judge(driver, queue);
            for (var i = 0; i < queue.Size; i++)
            {
                driver.MakeAvailable(Knock.On(check), Framing.Plain);
                Judge(driver, queue);
                driver.NotifyRequests();
                driver.Collect();
                Judge(driver, queue);
            }
        }
    }

    [Check("PACKED-SUPPLY-D-02",
        Does = "Notifies of requests only where the device's event suppression structure asks for it, without EVENT_IDX and with it.",
        Reading = "Every request is served, at the latest when the descriptor that was asked for was made available. The remark tells how many the device did not want to be told of.")]
    internal static void Requests_are_served_that_the_device_asks_not_to_be_told_of(CheckContext check)
    {
        foreach (var accept in (ulong[])[Features.AcceptedByDefault & ~Features.EventIdx, Features.AcceptedByDefault])
        {
            var driver = check.Start(new DriverSettings { Accept = accept });
            Packed(driver.Requests);
            QuietDriver.IsServed(check, driver);
        }
    }

    [Check("DESC-PACKED-08", Uses = ["PACKED-SUPPLY-V-04"],
        Does = "Works as a driver that is not to be disturbed: sets its event flags to RING_EVENT_FLAGS_DISABLE, has requests served and takes them in, sets the flags to ENABLE, and "
            + "looks into the ring once more.",
        Reading = "Everything comes back meanwhile, and the next request brings a notification again.")]
    internal static void Notifications_switched_off_while_used_buffers_are_processed_come_again(CheckContext check)
    {
        var (driver, queue) = StartListening(check, 0);
        for (var round = 0; round < 4; round++)
        {
            queue.WriteDriverEvent(0, Disable);
            var served = driver.SendTogether([Knock.On(check), Knock.On(check)]);
            That(served.All(exchange => exchange.IsReturned), "two requests together served while notifications are switched off",
                $"{served.Count(exchange => !exchange.IsReturned)} do not come back, status {check.Machine.Transport.ReadStatus()}");
            queue.WriteDriverEvent(0, Enable);
            driver.Collect();
            Listening.Forget(check.Machine);
            Knock.GivenServed(check, driver);
            Listening.IsNotified(check, $"of a request after notifications were switched off and on again, {round + 1} times");
        }
    }

    private static void Judge(IommuDriver driver, PackedQueue queue)
    {
        var (descriptor, flags) = queue.ReadDeviceEvent();
        var allowed = driver.Has(Features.EventIdx) ? ForDescriptor : Disable;
        That(flags <= allowed, $"flags 0 to {allowed} and reserved bits zero, with EVENT_IDX {(driver.Has(Features.EventIdx) ? "accepted" : "declined")}", $"0x{flags:x4}");
        if (flags == ForDescriptor) That((descriptor & 0x7fff) < queue.Size, $"an offset below {queue.Size}", $"0x{descriptor:x4}");
    }

    private static ushort SmallRing(CheckContext check)
    {
        const ushort Size = 8;
        Packed(check.Start().Requests);
        return check.Machine.Transport.ReadQueueSize(IommuDriver.RequestQueueNumber) is var maximum && maximum >= Size
            ? Size
            : throw new NotApplicableException($"the request queue has {maximum} descriptors, and {Size} are needed");
    }

    /// <summary>A driver that hears used buffer notifications, with EVENT_IDX or without, when nothing is pending.</summary>
    private static (IommuDriver Driver, PackedQueue Queue) StartListening(CheckContext check, ulong accept, ushort? size = null)
    {
        check.Requires(accept);
        var driver = check.Start(Listening.Settings(check, accept) with { RequestQueueSize = size });
        var queue = Packed(driver.Requests);

        // The structure was zeroed, which is ENABLE.
        Listening.GivenHeard(check, driver);
        return (driver, queue);
    }
}
