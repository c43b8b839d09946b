using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Legacy;

/// <summary>2.2.3 Legacy Interface: A Note on Feature Bits, and 6.3 Legacy Interface: Reserved Feature Bits.</summary>
internal static class LegacyFeatureBitsChecks
{
    [Check("LEGACY-FEAT-D-01", Uses = ["LEGACY-FEAT-V-02", "LEGACY-TERM-V-01"],
        Does = "Initialises the device as a legacy driver does: feature bits 0 to 31 alone, so that VERSION_1 is not acknowledged, and no FEATURES_OK; then sends requests.",
        Reading = "The device takes that for a legacy driver: it serves a queue that is placed as 2.7.2 says. N/A without a legacy interface.")]
    internal static void A_driver_that_does_not_acknowledge_VERSION_1_is_served_as_a_legacy_driver(CheckContext check)
    {
        LegacyInterfaceUse.Require(check);
        var driver = LegacyInterfaceUse.StopBeforeDriverOk(check, new DriverSettings());
        check.Machine.Transport.WriteStatus(DeviceStatus.Acknowledge | DeviceStatus.Driver | DeviceStatus.DriverOk);
        for (var i = 0; i < 5; i++) LegacyInterfaceUse.IsServed(check, driver, "of a driver that never set FEATURES_OK");
    }

    [Check("LEGACY-FEAT-D-03",
        Does = "Plays two whole lives of a legacy driver: writes bypass before it reads the features, uses the device before DRIVER_OK and after, is notified, and resets it.",
        Reading = "Each step works in the second life as in the first. Every legacy rule has a check of its own; here they have to hold together. N/A without a legacy interface.")]
    internal static void Two_lives_of_a_legacy_driver_work_one_after_the_other(CheckContext check)
    {
        LegacyInterfaceUse.Require(check);
        var transport = check.Machine.Transport;
        foreach (var life in (string[])["first", "second"])
        {
            Negotiation.Begin(check.Machine);
            byte? bypass = check.Offers(Features.BypassConfig) ? (byte)(1 - check.Machine.ReadBypass()) : null;
            if (bypass is { } wanted) check.Machine.WriteBypass(wanted);
            var settings = Listening.Settings(check);
            var features = check.Acceptable(settings.Accept);
            transport.WriteDriverFeatures(features);
            var driver = IommuDriver.Prepare(check.Machine, features, settings);
            LegacyInterfaceUse.IsServed(check, driver, $"before DRIVER_OK in the {life} life");
            Negotiation.SetDriverOk(check.Machine);
            transport.TakeNotifications();
            LegacyInterfaceUse.IsServed(check, driver, $"after DRIVER_OK in the {life} life");
            That(Listening.Hears(check.Machine, Notifications.Used), $"a used buffer notification in the {life} life", "none");
            if (bypass is { } written) That(check.Machine.ReadBypass() == written, $"bypass {written} in the {life} life, as written at its start", $"{check.Machine.ReadBypass()}");
            That(check.Machine.ResetDevice(), $"status 0 after the reset at the end of the {life} life", $"0x{(byte)transport.ReadStatus():x2}");
            for (var queue = 0; queue < 2; queue++) That(!transport.ReadQueueEnable(queue), $"queue {queue} not in use after the {life} life", "it is");
        }
    }

    [Check("LEGACY-RSVD-D-02",
        Does = "Accepts NOTIFY_ON_EMPTY, suppresses notifications by VIRTQ_AVAIL_F_NO_INTERRUPT, and lets the device use all that is available.",
        Reading = "A used buffer notification comes. N/A where NOTIFY_ON_EMPTY is not offered, as a device is free to do.")]
    internal static void NOTIFY_ON_EMPTY_overrides_the_flag_that_suppresses_notifications(CheckContext check)
    {
        LegacyInterfaceUse.Require(check);
        check.Requires(Features.NotifyOnEmpty);
        var driver = check.Start(Listening.Settings(check, Features.NotifyOnEmpty));
        Listening.Forget(check.Machine);
        Split(driver.Requests).WriteAvailableFlags(1);
        Drains(check, driver, "in spite of VIRTQ_AVAIL_F_NO_INTERRUPT");
    }

    [Check("LEGACY-RSVD-D-02",
        Does = "Accepts NOTIFY_ON_EMPTY and EVENT_IDX, puts used_event where the device will not come, and lets the device use all that is available.",
        Reading = "A used buffer notification comes. N/A where NOTIFY_ON_EMPTY or EVENT_IDX is not offered.")]
    internal static void NOTIFY_ON_EMPTY_overrides_used_event(CheckContext check)
    {
        LegacyInterfaceUse.Require(check);
        check.Requires(Features.NotifyOnEmpty | Features.EventIdx);
        var settings = Listening.Settings(check, Features.NotifyOnEmpty | Features.EventIdx);
        var driver = check.Start(settings);
        Split(driver.Requests).WriteUsedEvent(0x8000);
        Listening.Forget(check.Machine);
        Drains(check, driver, "in spite of used_event 0x8000");
    }

    [Check("LEGACY-RSVD-D-03",
        Does = "Reads the offered features.",
        Reading = "ANY_LAYOUT (27) is among them. N/A without a legacy interface.")]
    internal static void ANY_LAYOUT_is_offered_on_a_legacy_interface(CheckContext check)
    {
        LegacyInterfaceUse.Require(check);
        var offered = check.Machine.Transport.ReadDeviceFeatures();
        That((offered & Features.AnyLayout) != 0, "ANY_LAYOUT offered", Features.Describe(offered));
    }

    [Check("LEGACY-RSVD-D-04",
        Does = "Accepts what is offered but bit 30, and sends requests.",
        Reading = "They are served: a device that works only once bit 30 is accepted has it negotiated. Whether it offers the bit is not judged: the text has it in a list of "
            + "bits that must be offered, and says that it should not be negotiated.")]
    internal static void A_legacy_driver_does_not_have_to_accept_bit_30(CheckContext check)
    {
        LegacyInterfaceUse.Require(check);
        var driver = LegacyInterfaceUse.StopBeforeDriverOk(check, new DriverSettings());
        Negotiation.SetDriverOk(check.Machine);
        LegacyInterfaceUse.IsServed(check, driver, "of a driver that left bit 30 alone");
        if (check.Offers(Features.Unused)) check.Note = "the device offers bit 30";
    }

    private static void Drains(CheckContext check, IommuDriver driver, string inSpite)
    {
        Knock.GivenServed(check, driver);
        That(Listening.Hears(check.Machine, Notifications.Used), $"a used buffer notification once nothing is available any more, {inSpite}", "none");
    }
}
