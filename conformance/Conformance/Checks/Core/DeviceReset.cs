using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Core;

/// <summary>2.4 Device Reset.</summary>
internal static class DeviceResetChecks
{
    [Check("CORE-RESET-D-01",
        Does = "Takes the device to each stage of its initialisation, and resets it there.",
        Reading = "The status reads 0 in time, from ACKNOWLEDGE, DRIVER, FEATURES_OK (but on a legacy interface), DRIVER_OK, and from FAILED on top of each.")]
    internal static void The_status_becomes_0_from_every_stage_of_initialisation(CheckContext check)
    {
        const DeviceStatus Step1 = DeviceStatus.Acknowledge;
        const DeviceStatus Step2 = Step1 | DeviceStatus.Driver;
        const DeviceStatus Step3 = Step2 | DeviceStatus.FeaturesOk;
        const DeviceStatus Step4 = Step3 | DeviceStatus.DriverOk;
        var absent = check.Machine.Transport.IsLegacy ? DeviceStatus.FeaturesOk : DeviceStatus.None;
        foreach (var stage in ((DeviceStatus[])[Step1, Step2, Step3, Step4]).Select(step => step & ~absent).Distinct())
        {
            foreach (var failed in (DeviceStatus[])[DeviceStatus.None, DeviceStatus.Failed])
            {
                Reach(check, stage);
                if (failed != 0) check.Machine.Transport.WriteStatus(stage | failed);
                var status = check.Machine.Transport.ReadStatus();
                Given(status == (stage | failed), $"the status reads 0x{(byte)status:x2} instead of 0x{(byte)(stage | failed):x2}");
                BecomesZero(check, $"status 0x{(byte)status:x2}");
            }
        }
    }

    [Check("CORE-RESET-D-01",
        Does = "Makes ring errors until one sets DEVICE_NEEDS_RESET, and resets the device.",
        Reading = "The status reads 0 in time. N/A where no ring error makes the device set DEVICE_NEEDS_RESET.")]
    internal static void The_status_becomes_0_from_DEVICE_NEEDS_RESET(CheckContext check)
    {
        foreach (var error in RingError.All)
        {
            var driver = check.Start();
            if (!error.IsPossible(driver)) continue;
            error.Commit(driver);
            if ((check.Machine.Transport.ReadStatus() & DeviceStatus.NeedsReset) == 0) continue;
            BecomesZero(check, $"DEVICE_NEEDS_RESET, set by {error.Name}");
            return;
        }
        throw new NotApplicableException("no ring error makes the device set DEVICE_NEEDS_RESET");
    }

    [Check("CORE-RESET-D-01",
        Does = "Makes requests available, rings the doorbell and resets the device at once.",
        Reading = "The status reads 0 in time, whatever becomes of the requests.")]
    internal static void The_status_becomes_0_while_requests_are_in_flight(CheckContext check)
    {
        var driver = check.Start();
        for (var i = 0; i < Math.Min(64, driver.Requests.Size / 2); i++) driver.MakeAvailable(Knock.On(check), Framing.Plain);
        driver.NotifyRequests();
        BecomesZero(check, "requests in flight");
    }

    [Check("CORE-RESET-D-01",
        Does = "Suspends the device, and resets it.",
        Reading = "The status reads 0 in time. N/A where the device does not suspend.")]
    internal static void The_status_becomes_0_from_SUSPEND(CheckContext check)
    {
        Suspension.Start(check);
        Suspension.Enter(check);
        BecomesZero(check, "SUSPEND");
    }

    [Check("CORE-RESET-D-01",
        Does = "Looks back at the device resets that followed each check of the run.",
        Reading = "The status read 0 in time after each. Each that did not is listed with the check that it followed; that check's own verdict is not touched by it.",
        JudgesTheRun = true)]
    internal static void The_status_became_0_by_every_reset_between_checks(CheckContext check) =>
        ThatNone(check.Resets.Incomplete, "status 0 after every device reset between checks");

    [Check("CORE-RESET-D-02",
        Does = "Resets a device that works, makes a request available on the queue that was, and rings the doorbell.",
        Reading = "Queue memory and buffers stay as they are.")]
    internal static void After_a_reset_the_request_queue_is_left_alone(CheckContext check)
    {
        var driver = check.Start();
        Knock.GivenServed(check, driver);
        driver.MakeAvailable(Knock.On(check), Framing.Plain);
        GivenReset(check);
        var request = driver.MakeAvailable(Knock.On(check), Framing.Plain);
        var after = new QueueSnapshot(check.Machine, driver.Requests, request);
        driver.NotifyRequests();
        check.Machine.Target.Settle();
        after.IsUnchanged("the request queue left alone after the reset");
    }

    [Check("CORE-RESET-D-02",
        Does = "Resets a device that reports faults and has event buffers, and lets an unattached endpoint that is not in bypass mode fault.",
        Reading = "The event queue stays as it is. N/A where the device reports no such fault before the reset.")]
    internal static void After_a_reset_no_fault_goes_to_the_event_queue(CheckContext check)
    {
        var fault = new UnattachedFault(check);
        var driver = check.Start(fault.Settings);
        fault.Forbid();
        fault.RequireReport(driver);
        GivenReset(check);
        var after = new QueueSnapshot(check.Machine, driver.Events);
        fault.Provoke();
        after.IsUnchanged("the event queue left alone after the reset");
    }

    [Check("CORE-RESET-D-02",
        Does = "Resets a device that notifies, makes a request available on the queue that was, rings the doorbell, and listens.",
        Reading = "No notification of any kind comes once the status has read 0.")]
    internal static void After_a_reset_no_notification_is_sent(CheckContext check)
    {
        var driver = check.Start(Listening.Settings(check));
        Listening.GivenHeard(check, driver);
        driver.MakeAvailable(Knock.On(check), Framing.Plain);
        GivenReset(check);

        // Sent before the reset was complete, if at all.
        check.Machine.Transport.TakeNotifications();
        Knock.MakeAvailableAndNotify(check, driver);
        check.Machine.Target.Settle();
        var heard = check.Machine.Transport.TakeNotifications();
        That(heard == Notifications.None, "no notification after the reset", $"notification: {heard}");
    }

    [Check("DESC-CORE-01",
        Does = "Uses the device, resets it, and initialises it again on fresh queues elsewhere in memory.",
        Reading = "A request at the start of the fresh rings is served, and its used element is the one at their start. No queue is enabled before that.")]
    internal static void A_device_that_was_used_and_reset_serves_a_fresh_queue_from_index_0(CheckContext check)
    {
        var former = check.Start();
        for (var i = 0; i < 5; i++) Knock.GivenServed(check, former);
        GivenReset(check);
        for (var queue = 0; queue < 2; queue++)
            That(!check.Machine.Transport.ReadQueueEnable(queue), $"queue {queue} not enabled after the reset", "it is enabled");
        var old = new QueueSnapshot(check.Machine, former.Requests);
        var driver = check.Start();
        var request = driver.MakeAvailable(Knock.On(check), Framing.Plain);
        driver.NotifyRequests();
        FirstUse.Names(request, driver);
        old.IsUnchanged("the queue of before the reset left alone");
    }

    private static void Reach(CheckContext check, DeviceStatus stage)
    {
        if ((stage & DeviceStatus.DriverOk) != 0)
        {
            check.Start();
            return;
        }
        Given(check.Machine.ResetDevice(), "the status does not become 0 before the stage is entered");
        var transport = check.Machine.Transport;
        transport.WriteStatus(DeviceStatus.Acknowledge);
        if ((stage & DeviceStatus.Driver) != 0) transport.WriteStatus(DeviceStatus.Acknowledge | DeviceStatus.Driver);
        if ((stage & DeviceStatus.FeaturesOk) == 0) return;
        var features = check.Acceptable(Features.AcceptedByDefault);
        Given(Negotiation.Offer(check.Machine, features), $"the device refuses features 0x{features:x}");
    }

    private static void BecomesZero(CheckContext check, string from) =>
        That(check.Machine.ResetDevice(), $"the status 0 after a reset from {from}", $"status 0x{(byte)check.Machine.Transport.ReadStatus():x2}");

    private static void GivenReset(CheckContext check) => Given(check.Machine.ResetDevice(), "the status does not become 0 after a device reset");
}
