using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Core;

/// <summary>2.1 Device Status Field.</summary>
internal static class DeviceStatusFieldChecks
{
    [Check("CORE-STATUS-D-01",
        Does = "Initialises the device up to, but without, DRIVER_OK, makes a request available and rings the doorbell.",
        Reading = "Queue memory and buffers stay as they are. The same request is served after DRIVER_OK, so it was the missing bit that held it back.")]
    internal static void No_request_is_consumed_before_DRIVER_OK(CheckContext check)
    {
        var driver = StopBeforeDriverOk(check, new DriverSettings());
        var request = driver.MakeAvailable(Knock.On(check), Framing.Plain);
        var before = QueueSnapshot.OfBuffers(check.Machine, driver.Requests, request);
        driver.NotifyRequests();
        check.Machine.Target.Settle();
        before.IsUnchanged("the request queue left alone before DRIVER_OK");
        GivenServedAfterDriverOk(driver, request);
    }

    [Check("CORE-STATUS-D-01",
        Does = "Lends event buffers without DRIVER_OK, and lets an unattached endpoint that is not in bypass mode fault.",
        Reading = "The event buffers stay unused and unwritten. What becomes of the fault is free. N/A where the same fault is not reported after DRIVER_OK either.")]
    internal static void No_event_buffer_is_consumed_before_DRIVER_OK(CheckContext check)
    {
        var fault = new UnattachedFault(check);
        var driver = StopBeforeDriverOk(check, fault.Settings);
        for (var i = 0; i < fault.Settings.EventBuffers; i++) driver.PostEventBuffer(FaultReport.Size);
        fault.Forbid();
        var before = QueueSnapshot.OfBuffers(check.Machine, driver.Events);
        fault.Provoke();
        before.IsUnchanged("the event queue left alone before DRIVER_OK");
        Negotiation.SetDriverOk(check.Machine);
        fault.RequireReport(driver);
    }

    [Check("CORE-STATUS-D-01",
        Does = "Makes a request available without DRIVER_OK, rings the doorbell, and listens.",
        Reading = "No used buffer notification comes. The same request brings one after DRIVER_OK.")]
    internal static void No_used_buffer_notification_is_sent_before_DRIVER_OK(CheckContext check)
    {
        var driver = StopBeforeDriverOk(check, Listening.Settings(check));
        var request = Knock.MakeAvailableAndNotify(check, driver);
        check.Machine.Target.Settle();
        That((check.Machine.Transport.TakeNotifications() & Notifications.Used) == 0, "no used buffer notification before DRIVER_OK", "there is one");
        GivenServedAfterDriverOk(driver, request);
        Given(Listening.Hears(check.Machine, Notifications.Used), "no used buffer notification is seen after DRIVER_OK");
    }

    [Check("CORE-STATUS-D-02",
        Does = "Makes a descriptor chain that loops available, then, unless DEVICE_NEEDS_RESET is set, a good request.",
        Reading = "Either DEVICE_NEEDS_RESET is set, or the device has survived and serves the good request: no text says that a loop is fatal.")]
    internal static void A_device_that_a_descriptor_loop_stops_sets_DEVICE_NEEDS_RESET(CheckContext check) => StopsOnlyWithNotice(check, RingError.Loop);

    [Check("CORE-STATUS-D-02",
        Does = "Makes a head available that is beyond the descriptor table, then, unless DEVICE_NEEDS_RESET is set, a good request.",
        Reading = "Either DEVICE_NEEDS_RESET is set, or the device has survived and serves the good request: no text says that such a head is fatal.")]
    internal static void A_device_that_a_head_outside_the_table_stops_sets_DEVICE_NEEDS_RESET(CheckContext check) =>
        StopsOnlyWithNotice(check, RingError.HeadOutsideTable);

    [Check("CORE-STATUS-D-02",
        Does = "Makes a request available whose bytes lie where no memory is, then, unless DEVICE_NEEDS_RESET is set, a good request.",
        Reading = "Either DEVICE_NEEDS_RESET is set, or the device has survived and serves the good request: no text says that such a buffer is fatal.")]
    internal static void A_device_that_an_unreachable_buffer_stops_sets_DEVICE_NEEDS_RESET(CheckContext check) =>
        StopsOnlyWithNotice(check, RingError.UnreachableBuffer);

    [Check("CORE-STATUS-D-03",
        Does = "Makes ring errors until one of them sets DEVICE_NEEDS_RESET, and listens.",
        Reading = "A configuration change notification comes. N/A where no ring error makes the device set DEVICE_NEEDS_RESET: it is free to survive them.")]
    internal static void DEVICE_NEEDS_RESET_comes_with_a_configuration_change_notification(CheckContext check)
    {
        foreach (var error in RingError.All)
        {
            var driver = check.Start(Listening.Settings(check));
            if (!error.IsPossible(driver)) continue;
            Listening.Forget(check.Machine);
            error.Commit(driver);
            if (!Survival.NeedsReset(check)) continue;
            That(Listening.Hears(check.Machine, Notifications.Config),
                "a configuration change notification of DEVICE_NEEDS_RESET", $"none came of the DEVICE_NEEDS_RESET that {error.Name} had set");
            return;
        }
        throw new NotApplicableException("no ring error makes the device set DEVICE_NEEDS_RESET");
    }

    private static void StopsOnlyWithNotice(CheckContext check, RingError error)
    {
        var driver = check.Start();
        if (!error.IsPossible(driver)) throw new NotApplicableException($"{error.Name} is a mistake of split rings, and the run uses packed rings");
        Knock.GivenServed(check, driver);
        error.Commit(driver);
        Survival.Judge(check, driver, error.Name);
    }

    private static IommuDriver StopBeforeDriverOk(CheckContext check, DriverSettings settings)
    {
        check.RequiresModern("on a legacy interface a device has to work before DRIVER_OK (3.1.2)");
        var features = check.Acceptable(settings.Accept);
        Negotiation.Begin(check.Machine);
        Given(Negotiation.Offer(check.Machine, features), $"the device refuses features 0x{features:x}");
        return IommuDriver.Prepare(check.Machine, features, settings);
    }

    private static void GivenServedAfterDriverOk(IommuDriver driver, Exchange request)
    {
        Negotiation.SetDriverOk(driver.Machine);
        driver.NotifyRequests();
        driver.Collect();
        Given(request.IsReturned, $"{request.Request} is {request.Answer} after DRIVER_OK either");
    }
}
