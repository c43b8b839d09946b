using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Core;

/// <summary>3.4 Device Suspend: what a device leaves alone before it can be suspended, and while it is.</summary>
internal static class DeviceSuspendChecks
{
    [Check("CORE-SUSPEND-D-01",
        Does = "Sets SUSPEND at each stage before DRIVER_OK, SUSPEND having been accepted as a feature, and goes on.",
        Reading = "The bit never reads 1, the other bits are as if it had not been written, and the device ends up serving requests. N/A where SUSPEND is not offered.")]
    internal static void SUSPEND_is_ignored_before_initialisation_is_complete(CheckContext check) => IgnoresSuspend(check, Features.Suspend);

    [Check("CORE-SUSPEND-D-01",
        Does = "Sets SUSPEND at each stage before DRIVER_OK, SUSPEND not having been accepted as a feature, and goes on.",
        Reading = "The bit never reads 1, the other bits are as if it had not been written, and the device ends up serving requests. N/A where SUSPEND is not "
            + "offered: a device of an earlier version of the spec does not know the bit. What the bit does behind DRIVER_OK, without the feature, is open.")]
    internal static void SUSPEND_is_ignored_before_initialisation_is_complete_without_the_feature(CheckContext check) => IgnoresSuspend(check, 0);

    [Check("CORE-SUSPEND-D-02",
        Does = "Suspends the device, flips bypass, and resumes.",
        Reading = "bypass reads as before, while suspended and after. N/A without BYPASS_CONFIG, which has the only field that can be written.")]
    internal static void A_write_of_bypass_is_ignored_while_suspended(CheckContext check)
    {
        check.Requires(Features.BypassConfig);
        var machine = check.Machine;
        Suspension.Start(check);
        var before = machine.ReadBypass();
        check.SetBypass((byte)(1 - before));
        machine.WriteBypass(before);
        Suspension.Enter(check);
        machine.WriteBypass((byte)(1 - before));
        var during = machine.ReadBypass();
        Suspension.Leave(check);
        var after = machine.ReadBypass();
        That(during == before && after == before, $"bypass {before} in spite of a write while suspended", $"{during} while suspended, {after} after");
    }

    [Check("CORE-SUSPEND-D-03",
        Does = "Suspends the device, makes a request available, which a driver must not, rings the doorbell, and resumes.",
        Reading = "Queue memory and buffers stay as they are while the device is suspended. A request made available after it has resumed is served.")]
    internal static void The_request_queue_is_left_alone_while_suspended(CheckContext check)
    {
        var driver = Suspension.Start(check);
        Suspension.Enter(check);
        var request = driver.MakeAvailable(Knock.On(check), Framing.Plain);
        var before = new QueueSnapshot(check.Machine, driver.Requests, request);
        driver.NotifyRequests();
        check.Machine.Target.Settle();
        before.IsUnchanged("the request queue left alone while suspended");
        GivenServedAfterResuming(check, driver);
    }

    [Check("CORE-SUSPEND-D-03",
        Does = "Suspends a device that reports faults and has event buffers, and lets an unattached endpoint that is not in bypass mode fault.",
        Reading = "The event queue stays as it is while the device is suspended; what becomes of the fault is free. N/A where the device reports no such fault before.")]
    internal static void No_fault_goes_to_the_event_queue_while_suspended(CheckContext check)
    {
        check.Requires(Features.Suspend);
        var fault = new UnattachedFault(check);
        var driver = Suspension.Start(check, fault.Settings);
        fault.Forbid();
        fault.RequireReport(driver);
        Suspension.Enter(check);
        var before = new QueueSnapshot(check.Machine, driver.Events);
        fault.Provoke();
        before.IsUnchanged("the event queue left alone while suspended");
    }

    [Check("CORE-SUSPEND-D-03",
        Does = "Suspends a device that notifies, makes a request available, which a driver must not, rings the doorbell, and listens.",
        Reading = "No used buffer notification comes while the device is suspended.")]
    internal static void No_used_buffer_notification_is_sent_while_suspended(CheckContext check)
    {
        check.Requires(Features.Suspend);
        var driver = Suspension.Start(check, Listening.Settings(check));
        Listening.GivenHeard(check, driver);
        Suspension.Enter(check);
        check.Machine.Transport.TakeNotifications();
        Knock.MakeAvailableAndNotify(check, driver);
        check.Machine.Target.Settle();
        That((check.Machine.Transport.TakeNotifications() & Notifications.Used) == 0, "no used buffer notification while suspended", "there is one");
        GivenServedAfterResuming(check, driver);
    }

    [Check("CORE-SUSPEND-D-03",
        Does = "Reads the configuration of the running device, suspends it, rings its doorbells, and reads the configuration again.",
        Reading = "No field has another value while the device is suspended.")]
    internal static void The_configuration_does_not_change_while_suspended(CheckContext check)
    {
        var driver = Suspension.Start(check);
        var before = DeviceConfigurationSpaceChecks.Describe(check, check.Machine.ReadConfig());
        Suspension.Enter(check);
        driver.NotifyRequests();
        check.Machine.Transport.Notify(IommuDriver.EventQueueNumber);
        check.Machine.Target.Settle();
        var during = DeviceConfigurationSpaceChecks.Describe(check, check.Machine.ReadConfig());
        That(during == before, $"the configuration as before the suspension: {before}", during);
    }

    [Check("CORE-SUSPEND-D-04",
        Does = "Suspends a device that notifies, has the machine change bypass, and listens.",
        Reading = "No configuration change notification comes while the device is suspended. N/A where the target has no way to change bypass by itself.")]
    internal static void A_configuration_change_is_not_notified_while_suspended(CheckContext check)
    {
        GivenChangeWhileSuspended(check);
        check.Machine.Target.Settle();
        That((check.Machine.Transport.TakeNotifications() & Notifications.Config) == 0, "no configuration change notification while suspended", "there is one");
    }

    [Check("CORE-SUSPEND-D-05",
        Does = "Suspends a device that notifies, has the machine change bypass, resumes, and listens.",
        Reading = "A configuration change notification comes once the device has resumed, when bypass reads as changed. N/A where the target has no way to change bypass by "
            + "itself, or the device does not take the change over.")]
    internal static void A_configuration_change_while_suspended_is_notified_on_resume(CheckContext check)
    {
        var changed = GivenChangeWhileSuspended(check);
        check.Machine.Target.Settle();
        check.Machine.Transport.TakeNotifications();
        Suspension.Leave(check);
        if (check.Machine.ReadBypass() != changed) throw new NotApplicableException("the device drops a change of bypass that comes while it is suspended");
        That(Listening.Hears(check.Machine, Notifications.Config), "a configuration change notification once the device has resumed", "none");
    }

    /// <summary>Suspends the device and has the machine change bypass; returns the new value.</summary>
    private static byte GivenChangeWhileSuspended(CheckContext check)
    {
        check.Requires(Features.Suspend | Features.BypassConfig);
        var (machine, target) = (check.Machine, check.Machine.Target);
        var driver = Suspension.Start(check, Listening.Settings(check));
        var changed = (byte)(1 - machine.ReadBypass());
        Change(changed != 0);
        if (!Listening.Hears(machine, Notifications.Config)) throw new NotApplicableException("the device does not notify of a change of bypass while it runs either");
        Change(changed == 0);
        Listening.GivenHeard(check, driver);
        Suspension.Enter(check);
        machine.Transport.TakeNotifications();
        Change(changed != 0);
        return changed;

        void Change(bool bypass)
        {
            machine.Journal.Add($"the machine changes bypass to {(bypass ? 1 : 0)}");
            if (!target.TryChangeBypass(bypass)) throw new NotApplicableException("the target has no way to change the configuration by itself");
        }
    }

    private static void IgnoresSuspend(CheckContext check, ulong alsoAccept)
    {
        check.Requires(Features.Suspend);
        var (machine, transport) = (check.Machine, check.Machine.Transport);
        var features = check.Acceptable(Features.AcceptedByDefault | alsoAccept);
        Given(machine.ResetDevice(), "the status does not become 0 after a device reset");
        Ignores(DeviceStatus.None);
        transport.WriteStatus(DeviceStatus.Acknowledge);
        Ignores(DeviceStatus.Acknowledge);
        transport.WriteStatus(DeviceStatus.Acknowledge | DeviceStatus.Driver);
        Ignores(DeviceStatus.Acknowledge | DeviceStatus.Driver);
        Given(Negotiation.Offer(machine, features), $"the device refuses features 0x{features:x}");
        Ignores(DeviceStatus.Acknowledge | DeviceStatus.Driver | DeviceStatus.FeaturesOk);
        var driver = IommuDriver.Prepare(machine, features, new DriverSettings());
        Ignores(DeviceStatus.Acknowledge | DeviceStatus.Driver | DeviceStatus.FeaturesOk);
        Negotiation.SetDriverOk(machine);
        var knock = driver.Send(Knock.On(check));
        That(knock.IsReturned, "a device that runs after SUSPEND was set too early", $"{knock.Request} is {knock.Answer}, status 0x{(byte)transport.ReadStatus():x2}");

        void Ignores(DeviceStatus stage)
        {
            transport.WriteStatus(stage | DeviceStatus.Suspend);
            machine.Target.Settle();
            var status = transport.ReadStatus();
            That(status == stage, $"status 0x{(byte)stage:x2} in spite of SUSPEND being written", $"status 0x{(byte)status:x2}");
        }
    }

    private static void GivenServedAfterResuming(CheckContext check, IommuDriver driver)
    {
        Suspension.Leave(check);

        // The doorbell is rung in any case: the index that the device asked to be notified of was passed while it did not listen.
        var knock = Knock.MakeAvailableAndNotify(check, driver);
        driver.Collect();
        Given(knock.IsReturned, $"{knock.Request} is {knock.Answer} after the device has resumed");
    }
}
