using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Core;

/// <summary>Device Initialization (3.1), driver's side. A legacy interface has a sequence of its own (3.1.2), which other rules judge.</summary>
internal static class DeviceInitialization
{
    [Rule("CORE-INIT-V-01", Needs = Sight.Registers, Transports = [WatchedTransport.Pci, WatchedTransport.Mmio],
        Does = "Follows the eight steps of an initialisation by the registers that they take.",
        Reading = "A reset before ACKNOWLEDGE; features read and written before FEATURES_OK; the status read again after FEATURES_OK; queues enabled after that; then DRIVER_OK.")]
    public static void The_steps_are_taken_in_order(Judge judge, Observation seen)
    {
        if (judge.Driver.IsLegacy) return;
        var steps = judge.Keep<Steps>();
        switch (seen)
        {
            case StatusWritten { Status: not DeviceStatus.None } written:
                Judge(judge, steps, written);
                break;
            case QueueWritten { Field: QueueField.Enable, Value: not 0 } enabled:
                judge.That(steps.Reread, "queues enabled after FEATURES_OK was set and read again", $"{enabled}");
                break;
        }
        steps.Follow(seen, judge.Driver);
    }

    [Rule("CORE-INIT-V-03", Needs = Sight.Registers, Transports = [WatchedTransport.Pci, WatchedTransport.Mmio],
        Does = "Looks for writes of the configuration while features are still being negotiated.",
        Reading = "There are none before FEATURES_OK.")]
    public static void The_configuration_is_not_written_before_FEATURES_OK(Judge judge, Observation seen)
    {
        if (judge.Driver.IsLegacy) return;
        if (seen is ConfigWritten written && (judge.Driver.Written & DeviceStatus.FeaturesOk) == 0)
            judge.That(false, "no write of the configuration before FEATURES_OK", $"{written}");
        else if (seen is StatusWritten status && Acceptance.IsDone(judge, status)) judge.Kept();
    }

    [Rule("CORE-INIT-V-04", Needs = Sight.Registers, Transports = [WatchedTransport.Pci, WatchedTransport.Mmio],
        Does = "Looks for writes of accepted features after FEATURES_OK.",
        Reading = "None of them adds a bit.")]
    public static void No_feature_is_accepted_after_FEATURES_OK(Judge judge, Observation seen)
    {
        if (judge.Driver.IsLegacy || (judge.Driver.Written & DeviceStatus.FeaturesOk) == 0) return;
        if (seen is AcceptedFeaturesWritten { Word: < 2 } late)
        {
            var added = (ulong)late.Bits << (int)(32 * late.Word) & ~judge.Driver.Accepted;
            judge.That(added == 0, "no bit accepted after FEATURES_OK that was not before", $"{Features.Describe(added)} accepted");
        }
        else if (seen is StatusWritten { Status: var status } && (status & DeviceStatus.DriverOk) != 0 && !judge.Driver.IsLive) judge.Kept();
    }

    [Rule("CORE-INIT-V-05", Needs = Sight.Conclusions | Sight.Status, Transports = [WatchedTransport.Pci, WatchedTransport.Mmio],
        Does = "Lets initialisation go wrong (FEATURES_OK does not stay set, a queue does not exist), and looks at the status once the driver has given up.",
        Reading = "FAILED is set.")]
    public static void A_driver_that_gives_up_sets_FAILED(Judge judge, StartConcluded seen)
    {
        if (seen.Works || judge.Driver.IsLegacy) return;
        judge.That((judge.Driver.Written & DeviceStatus.Failed) != 0, "FAILED set by a driver that gives up", $"the last status written is 0x{(byte)judge.Driver.Written:x2}");
    }

    [Rule("CORE-INIT-V-06", Needs = Sight.Registers, Transports = [WatchedTransport.Pci, WatchedTransport.Mmio],
        Does = "Where FEATURES_OK did not stay set, waits for what the driver does next.",
        Reading = "It sets neither DRIVER_OK nor enables a queue without a reset before.")]
    public static void Initialisation_does_not_go_on_after_a_refusal(Judge judge, Observation seen)
    {
        if (!judge.Driver.IsRefused) return;
        if (seen is StatusWritten { Status: DeviceStatus.None or DeviceStatus.Failed } or StartConcluded { Works: false }) judge.Kept();
        else if (seen is StatusWritten written)
            judge.That((written.Status & (DeviceStatus.DriverOk | DeviceStatus.Failed)) is not DeviceStatus.DriverOk, "no DRIVER_OK after FEATURES_OK was refused", $"{written}");
        else if (seen is QueueWritten { Field: QueueField.Enable, Value: not 0 } enabled)
            judge.That(false, "no queue enabled after FEATURES_OK was refused", $"{enabled}");
    }

    [Rule("CORE-INIT-V-07", Needs = Sight.Registers, Transports = [WatchedTransport.Pci, WatchedTransport.Mmio],
        Does = "Compares every notification of the driver with the status that it wrote last.",
        Reading = "DRIVER_OK is set.")]
    public static void No_notification_is_sent_before_DRIVER_OK(Judge judge, Doorbell seen)
    {
        if (!judge.Driver.IsLegacy) judge.That(judge.Driver.IsLive, "DRIVER_OK before the first notification", $"{seen}, with status 0x{(byte)judge.Driver.Written:x2}");
    }

    private static void Judge(Judge judge, Steps steps, StatusWritten written)
    {
        if ((written.Status & DeviceStatus.Failed) != 0) return;
        if (IsNew(DeviceStatus.Acknowledge)) judge.That(steps.Reset, "a reset before ACKNOWLEDGE", $"{written}");
        if (IsNew(DeviceStatus.FeaturesOk)) judge.That(steps.Offered && steps.Accepted, "features read and written before FEATURES_OK", $"{written}");
        if (IsNew(DeviceStatus.DriverOk)) judge.That(steps.Reread, "the status read again between FEATURES_OK and DRIVER_OK", $"{written}");

        bool IsNew(DeviceStatus bit) => (written.Status & bit) != 0 && (judge.Driver.Written & bit) == 0 && judge.Driver.Suspension == Suspension.Running;
    }

    /// <summary>The steps that have been taken since the reset.</summary>
    private sealed class Steps
    {
        public bool Reset { get; private set; }

        public bool Offered { get; private set; }

        public bool Accepted { get; private set; }

        public bool Reread { get; private set; }

        public void Follow(Observation seen, DriverHistory driver)
        {
            switch (seen)
            {
                case StatusWritten { Status: DeviceStatus.None }:
                    (Reset, Offered, Accepted, Reread) = (true, false, false, false);
                    break;
                case SystemWasReset:
                    (Reset, Offered, Accepted, Reread) = (false, false, false, false);
                    break;
                case OfferedFeaturesRead:
                    Offered = true;
                    break;
                case AcceptedFeaturesWritten:
                    Accepted = true;
                    break;
                case StatusRead when (driver.Written & DeviceStatus.FeaturesOk) != 0:
                    Reread = true;
                    break;
            }
        }
    }
}
