using Viommu.Guest.Driver;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Checks.Core;

/// <summary>Suspending and resuming, as steps of checks that judge something else. A device is free to fail at either (3.4).</summary>
internal static class Suspension
{
    /// <summary>Starts a driver that accepts SUSPEND as well, and shows that the device serves it; N/A where the feature is not offered.</summary>
    public static IommuDriver Start(CheckContext check, DriverSettings? settings = null)
    {
        check.Requires(Features.Suspend);
        settings ??= new DriverSettings();
        var driver = check.Start(settings with { Accept = settings.Accept | Features.Suspend });
        Knock.GivenServed(check, driver);
        return driver;
    }

    /// <summary>Sets SUSPEND beside the other bits and waits until the device has settled: suspended, or in need of a reset.</summary>
    public static DeviceStatus Request(CheckContext check) => Write(check, DeviceStatus.Suspend, IsSuspended);

    /// <summary>Sets DRIVER_OK beside the other bits and waits until the device has settled: running, or in need of a reset.</summary>
    public static DeviceStatus RequestResume(CheckContext check) => Write(check, DeviceStatus.DriverOk, IsRunning);

    /// <summary>Suspends the device; N/A where it sets DEVICE_NEEDS_RESET instead.</summary>
    public static void Enter(CheckContext check) => Settled(Request(check), IsSuspended, "suspend");

    /// <summary>Resumes the device; N/A where it sets DEVICE_NEEDS_RESET instead.</summary>
    public static void Leave(CheckContext check) => Settled(RequestResume(check), IsRunning, "resume");

    /// <summary>SUSPEND is 1 and DRIVER_OK is 0.</summary>
    public static bool IsSuspended(DeviceStatus status) => (status & (DeviceStatus.Suspend | DeviceStatus.DriverOk)) == DeviceStatus.Suspend;

    /// <summary>SUSPEND is 0 and DRIVER_OK is 1.</summary>
    public static bool IsRunning(DeviceStatus status) => (status & (DeviceStatus.Suspend | DeviceStatus.DriverOk)) == DeviceStatus.DriverOk;

    /// <summary>The device has given up.</summary>
    public static bool NeedsReset(DeviceStatus status) => (status & DeviceStatus.NeedsReset) != 0;

    private static DeviceStatus Write(CheckContext check, DeviceStatus bit, Func<DeviceStatus, bool> done)
    {
        var transport = check.Machine.Transport;
        transport.WriteStatus(transport.ReadStatus() | bit);
        var status = DeviceStatus.None;
        check.Machine.Await(() => done(status = transport.ReadStatus()) || NeedsReset(status));
        check.Machine.Journal.Add($"set {bit}: status 0x{(byte)status:x2}");
        return status;
    }

    private static void Settled(DeviceStatus status, Func<DeviceStatus, bool> done, string verb)
    {
        if (NeedsReset(status)) throw new NotApplicableException($"the device fails to {verb}, and sets DEVICE_NEEDS_RESET");
        CheckContext.Given(done(status), $"the device does not {verb}: status 0x{(byte)status:x2}");
    }
}
