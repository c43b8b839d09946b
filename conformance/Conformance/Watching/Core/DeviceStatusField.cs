using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Core;

/// <summary>Device Status Field (2.1), driver's side.</summary>
internal static class DeviceStatusField
{
    private const DeviceStatus Steps = DeviceStatus.Acknowledge | DeviceStatus.Driver | DeviceStatus.FeaturesOk | DeviceStatus.DriverOk;

    [Rule("CORE-STATUS-V-01", Needs = Sight.Status, FromAnywhere = true,
        Does = "Follows the status writes of an initialisation.",
        Reading = "A step is announced once those before it are: DRIVER with ACKNOWLEDGE, FEATURES_OK with DRIVER, DRIVER_OK with FEATURES_OK (on a legacy interface "
            + "with DRIVER). Several steps may be announced by one write.")]
    public static void Status_bits_announce_the_steps_in_their_order(Judge judge, StatusWritten seen)
    {
        if ((seen.Status & Steps) == 0 || (seen.Status & DeviceStatus.Failed) != 0) return;

        // SUSPEND is told apart by DRIVER_OK, which the device clears then.
        if ((seen.Status & DeviceStatus.Suspend) != 0) return;
        var needed = DeviceStatus.None;
        if ((seen.Status & DeviceStatus.Driver) != 0) needed |= DeviceStatus.Acknowledge;
        if ((seen.Status & DeviceStatus.FeaturesOk) != 0) needed |= DeviceStatus.Driver;
        if ((seen.Status & DeviceStatus.DriverOk) != 0) needed |= judge.Driver.IsLegacy ? DeviceStatus.Driver : DeviceStatus.FeaturesOk;
        judge.That((seen.Status & needed) == needed, $"a status with {needed} set", $"{seen}");
    }

    [Rule("CORE-STATUS-V-02", Needs = Sight.Status,
        Does = "Compares every status that the driver writes with what it was before: what the driver wrote, or has read since.",
        Reading = "Each has the bits of the one before; 0 is a reset. SUSPEND and DRIVER_OK take turns while a device is suspended and resumed (3.4), DEVICE_NEEDS_RESET is "
            + "the device's.")]
    public static void A_status_bit_is_not_cleared_but_by_a_reset(Judge judge, StatusWritten seen)
    {
        if (seen.Status == DeviceStatus.None || judge.Driver.Written == DeviceStatus.None) return;
        var cleared = judge.Driver.Status & ~seen.Status & ~DeviceStatus.NeedsReset;
        if (judge.Driver.Has(Features.Suspend)) cleared &= ~(DeviceStatus.Suspend | DeviceStatus.DriverOk);
        judge.That(cleared == 0, $"a status with the bits of 0x{(byte)judge.Driver.Status:x2} set", $"{seen}: {cleared} is cleared");
    }

    [Rule("CORE-STATUS-V-03", Needs = Sight.Status,
        Does = "After a driver has set FAILED, waits for what it writes next.",
        Reading = "A reset comes before any step of an initialisation.")]
    public static void A_reset_comes_between_FAILED_and_another_attempt(Judge judge, StatusWritten seen)
    {
        if ((judge.Driver.Written & DeviceStatus.Failed) == 0) return;
        judge.That((seen.Status & ~judge.Driver.Written & Steps) == 0, "a reset (status 0) after FAILED, before any further step", $"{seen}");
    }

    [Rule("CORE-STATUS-V-04", Needs = Sight.Registers | Sight.Requests,
        Does = "After a driver has read DEVICE_NEEDS_RESET, looks for buffers that it makes available and waits for.",
        Reading = "A driver that knows of it sends nothing more that it depends on before it has reset the device. What it sent before may come back or not.")]
    public static void Nothing_is_waited_for_that_was_sent_after_NEEDS_RESET(Judge judge, Observation seen)
    {
        var sent = judge.Keep<Sent>();
        switch (seen)
        {
            case StatusRead { Status: var status } when (status & DeviceStatus.NeedsReset) != 0:
                sent.Knows = true;
                break;
            case StatusWritten { Status: DeviceStatus.None } or SystemWasReset:
                if (sent.Knows) judge.Kept();
                sent.Knows = false;
                sent.After.Clear();
                break;
            case ChainAvailable { Chain: var chain } when sent.Knows:
                sent.After.Add(chain);
                break;
            case DriverWaits when sent.After.Any(judge.Driver.Queues.SelectMany(queue => queue.Outstanding).Contains):
                judge.That(false, "a reset once DEVICE_NEEDS_RESET was read, before anything else is waited for", $"the driver waits for {sent.After.Last()}");
                break;
        }
    }

    private sealed class Sent
    {
        public bool Knows { get; set; }

        public HashSet<Chain> After { get; } = [];
    }
}
