using Viommu.Conformance.Watching.Core;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Legacy;

/// <summary>Legacy Interface: Device Initialization (3.1.2), A Note on Feature Bits (2.2.3) and Reserved Feature Bits (6.3), driver's side.</summary>
internal static class LegacyInitialization
{
    [Rule("LEGACY-FEAT-V-01", Needs = Sight.Registers, Transports = [WatchedTransport.LegacyPci, WatchedTransport.LegacyMmio],
        Does = "Looks at what a driver of a legacy interface, which offers no VERSION_1, has accepted by DRIVER_OK.",
        Reading = "No bit above 31: the device is taken for a legacy one.")]
    public static void A_device_without_VERSION_1_is_taken_for_a_legacy_device(Judge judge, StatusWritten seen)
    {
        if (!Acceptance.IsDone(judge, seen)) return;
        var high = judge.Driver.Accepted & ~(ulong)uint.MaxValue;
        judge.That(high == 0, "no feature bit above 31 accepted of a legacy device", Features.Describe(high));
    }

    [Rule("LEGACY-INIT-V-01", Uses = ["LEGACY-FEAT-D-02", "LEGACY-TERM-D-01"], Needs = Sight.Registers, Transports = [WatchedTransport.LegacyPci, WatchedTransport.LegacyMmio],
        Does = "Follows the steps of an initialisation by the registers that they take.",
        Reading = "A reset before ACKNOWLEDGE; features read and written before DRIVER_OK; FEATURES_OK never. Queues may be used before DRIVER_OK.")]
    public static void The_steps_are_taken_in_order_without_FEATURES_OK(Judge judge, Observation seen)
    {
        var steps = judge.Keep<Steps>();
        if (seen is StatusWritten { Status: not DeviceStatus.None } written && (written.Status & DeviceStatus.Failed) == 0)
        {
            judge.That((written.Status & DeviceStatus.FeaturesOk) == 0, "no FEATURES_OK on a legacy interface", $"{written}");
            if (IsNew(DeviceStatus.Acknowledge)) judge.That(steps.Reset, "a reset before ACKNOWLEDGE", $"{written}");
            if (IsNew(DeviceStatus.DriverOk)) judge.That(steps.Offered && steps.Accepted, "features read and written before DRIVER_OK", $"{written}");

            bool IsNew(DeviceStatus bit) => (written.Status & bit) != 0 && (judge.Driver.Written & bit) == 0;
        }
        steps.Follow(seen);
    }

    [Rule("LEGACY-RSVD-V-01", Needs = Sight.Registers, Transports = [WatchedTransport.LegacyPci, WatchedTransport.LegacyMmio],
        Does = "Where ANY_LAYOUT is offered, looks at what the driver has accepted by DRIVER_OK.",
        Reading = "ANY_LAYOUT is among it.")]
    public static void ANY_LAYOUT_is_accepted(Judge judge, StatusWritten seen) => Acceptance.WhereOffered(judge, seen, Features.AnyLayout);

    [Rule("LEGACY-RSVD-V-02", Needs = Sight.Registers, Transports = [WatchedTransport.LegacyPci, WatchedTransport.LegacyMmio],
        Does = "Looks at what the driver has accepted by DRIVER_OK.",
        Reading = "Bit 30 is not among it, offered or not.")]
    public static void Bit_30_is_not_accepted(Judge judge, StatusWritten seen)
    {
        if (Acceptance.IsDone(judge, seen)) judge.That((judge.Driver.Accepted & Features.Unused) == 0, "bit 30 left alone", $"0x{judge.Driver.Accepted:x} accepted");
    }

    /// <summary>The steps that have been taken since the reset.</summary>
    private sealed class Steps
    {
        public bool Reset { get; private set; }

        public bool Offered { get; private set; }

        public bool Accepted { get; private set; }

        public void Follow(Observation seen)
        {
            if (seen is StatusWritten { Status: DeviceStatus.None } or SystemWasReset) (Reset, Offered, Accepted) = (seen is StatusWritten, false, false);
            Offered |= seen is OfferedFeaturesRead;
            Accepted |= seen is AcceptedFeaturesWritten;
        }
    }
}
