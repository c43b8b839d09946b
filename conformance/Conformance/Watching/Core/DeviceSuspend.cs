using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Core;

/// <summary>Device Suspend (3.4), driver's side.</summary>
internal static class DeviceSuspend
{
    [Rule("CORE-SUSPEND-V-01", Needs = Sight.Registers,
        Does = "Looks at every write of the status that sets SUSPEND.",
        Reading = "DRIVER_OK is set, and SUSPEND was negotiated.")]
    public static void SUSPEND_is_set_on_a_live_device_that_has_the_feature(Judge judge, StatusWritten seen)
    {
        if ((seen.Status & DeviceStatus.Suspend) == 0 || judge.Driver.Suspension != Suspension.Running) return;
        judge.That(
            judge.Driver.IsLive && !judge.Driver.HasNot(Features.Suspend), "SUSPEND set with DRIVER_OK set and the feature negotiated",
            $"{seen}, after status 0x{(byte)judge.Driver.Written:x2} with {Features.Describe(judge.Driver.Negotiated ?? 0)}");
    }

    [Rule("CORE-SUSPEND-V-02", Needs = Sight.Registers,
        Does = "After a driver has set SUSPEND, waits for what it does next with the status.",
        Reading = "It has read the status before it writes another one.")]
    public static void Suspension_is_verified_by_reading_the_status(Judge judge, Observation seen)
    {
        var asked = judge.Keep<Awaiting>();
        switch (seen)
        {
            case StatusWritten { Status: var status } written:
                if (asked.IsPending) judge.That(false, "a read of the status after SUSPEND was set", $"{written}");
                asked.IsPending = (status & DeviceStatus.Suspend) != 0 && judge.Driver is { Suspension: Suspension.Running, IsLive: true } && judge.Driver.Has(Features.Suspend);
                break;
            case StatusRead when asked.IsPending:
                asked.IsPending = false;
                judge.Kept();
                break;
            case SessionEnded when asked.IsPending:
                judge.That(false, "a read of the status after SUSPEND was set", "nothing more");
                break;
        }
    }

    [Rule("CORE-SUSPEND-V-03", Needs = Sight.Registers | Sight.Requests,
        Does = "Looks for buffers made available from the time that SUSPEND is set until the driver resumes the device.",
        Reading = "There are none.")]
    public static void No_buffer_is_made_available_while_suspended(Judge judge, Observation seen) =>
        WhileSuspended(judge, seen, seen is ChainAvailable, "no buffer made available once SUSPEND is set");

    [Rule("CORE-SUSPEND-V-04", Needs = Sight.Registers,
        Does = "Looks for notifications from the time that SUSPEND is set until the driver resumes the device.",
        Reading = "There are none.")]
    public static void No_notification_is_sent_while_suspended(Judge judge, Observation seen) =>
        WhileSuspended(judge, seen, seen is Doorbell, "no notification once SUSPEND is set");

    [Rule("CORE-SUSPEND-V-05", Needs = Sight.Registers,
        Does = "Looks for writes of the configuration from the time that SUSPEND is set until the driver resumes the device.",
        Reading = "There are none, the status aside.")]
    public static void The_configuration_is_not_written_while_suspended(Judge judge, Observation seen) =>
        WhileSuspended(judge, seen, seen is ConfigWritten, "no write of the configuration once SUSPEND is set");

    [Rule("CORE-SUSPEND-V-06", Needs = Sight.Registers,
        Does = "After a driver has set DRIVER_OK on a suspended device, waits for what it does next.",
        Reading = "It has read SUSPEND as 0 and DRIVER_OK as 1 before it uses queues or the configuration.")]
    public static void Normal_operation_waits_until_the_device_has_resumed(Judge judge, Observation seen)
    {
        if (judge.Driver.Suspension != Suspension.Resuming) return;
        if (seen is StatusRead { Status: var status } && (status & (DeviceStatus.Suspend | DeviceStatus.DriverOk)) == DeviceStatus.DriverOk) judge.Kept();
        else if (seen is ChainAvailable or Doorbell or ConfigWritten)
            judge.That(false, "a status with SUSPEND 0 and DRIVER_OK 1 read before anything else", $"{seen}");
    }

    private static void WhileSuspended(Judge judge, Observation seen, bool isForbidden, string expected)
    {
        if (judge.Driver.Suspension is not (Suspension.Asked or Suspension.Suspended)) return;
        if (isForbidden) judge.That(false, expected, $"{seen}");
        else if (seen is StatusWritten) judge.Kept();
    }

    private sealed class Awaiting
    {
        public bool IsPending { get; set; }
    }
}
