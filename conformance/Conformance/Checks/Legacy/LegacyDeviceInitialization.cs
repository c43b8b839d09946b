using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Legacy;

/// <summary>3.1.2 Legacy Interface: Device Initialization.</summary>
internal static class LegacyDeviceInitializationChecks
{
    [Check("LEGACY-INIT-D-01",
        Does = "Writes bypass between DRIVER and the first read of the features, and goes on to DRIVER_OK.",
        Reading = "bypass reads as it was written, at once and in operation, and the device serves requests. N/A without a legacy interface, and without BYPASS_CONFIG, which has "
            + "the only field that can be written.")]
    internal static void The_configuration_can_be_written_before_the_features_are_read(CheckContext check)
    {
        LegacyInterfaceUse.Require(check);
        check.Requires(Features.BypassConfig);
        var wanted = (byte)(1 - check.Machine.ReadBypass());
        Negotiation.Begin(check.Machine);
        check.Machine.WriteBypass(wanted);
        Reads("at once");
        var features = check.Machine.Acceptable(check.Machine.Transport.ReadDeviceFeatures(), Features.AcceptedByDefault);
        check.Machine.Transport.WriteDriverFeatures(features);
        Reads("once features were accepted");
        var driver = IommuDriver.Prepare(check.Machine, features, new DriverSettings());
        Negotiation.SetDriverOk(check.Machine);
        Reads("in operation");
        LegacyInterfaceUse.IsServed(check, driver, "of a driver that wrote the configuration early");

        void Reads(string when)
        {
            var bypass = check.Machine.ReadBypass();
            That(bypass == wanted, $"bypass {wanted} {when}, as it was written before the features were read", $"{bypass}");
        }
    }

    [Check("LEGACY-INIT-D-02",
        Does = "Places the queues, and sends requests without DRIVER_OK.",
        Reading = "They are served, and go on to be once DRIVER_OK is set. N/A without a legacy interface: a modern one has the opposite rule (2.1.2).")]
    internal static void Requests_are_served_before_DRIVER_OK(CheckContext check)
    {
        LegacyInterfaceUse.Require(check);
        var driver = LegacyInterfaceUse.StopBeforeDriverOk(check, new DriverSettings());
        for (var i = 0; i < 3; i++) LegacyInterfaceUse.IsServed(check, driver, "before DRIVER_OK");
        Negotiation.SetDriverOk(check.Machine);
        LegacyInterfaceUse.IsServed(check, driver, "after DRIVER_OK");
    }

    [Check("LEGACY-INIT-D-02",
        Does = "Places the queues, and sends a request without DRIVER_OK to a device that is to notify.",
        Reading = "A used buffer notification comes. N/A without a legacy interface.")]
    internal static void Used_buffers_are_notified_before_DRIVER_OK(CheckContext check)
    {
        LegacyInterfaceUse.Require(check);
        var driver = LegacyInterfaceUse.StopBeforeDriverOk(check, Listening.Settings(check));
        check.Machine.Transport.TakeNotifications();
        LegacyInterfaceUse.IsServed(check, driver, "before DRIVER_OK");
        That(Listening.Hears(check.Machine, Notifications.Used), "a used buffer notification before DRIVER_OK", "none");
    }
}
