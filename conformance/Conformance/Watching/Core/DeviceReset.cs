using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Core;

/// <summary>Device Reset (2.4), driver's side.</summary>
internal static class DeviceReset
{
    [Rule("CORE-RESET-V-01", Needs = Sight.Registers,
        Does = "After each reset, waits for what the driver does next.",
        Reading = "It has read a status of 0 before it writes another one.")]
    public static void The_status_is_read_as_0_before_the_device_is_used_again(Judge judge, Observation seen)
    {
        var reset = judge.Keep<Pending>();
        switch (seen)
        {
            case StatusWritten { Status: DeviceStatus.None }:
                reset.IsPending = true;
                break;
            case StatusRead { Status: DeviceStatus.None } when reset.IsPending:
                reset.IsPending = false;
                judge.Kept();
                break;
            case StatusWritten written when reset.IsPending:
                reset.IsPending = false;
                judge.That(false, "a read of the status as 0 after the reset, before the device is initialised", $"{written}");
                break;
            case SystemWasReset:
                reset.IsPending = false;
                break;
        }
    }

    private sealed class Pending
    {
        public bool IsPending { get; set; }
    }
}
