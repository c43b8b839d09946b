using Viommu.Guest.Driver;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>Drivers that break rules of the device status field (2.1).</summary>
internal static class BrokenDriverStatus
{
    public static IEnumerable<BrokenDriver> All() =>
    [
        Writing("announces DRIVER before ACKNOWLEDGE", "CORE-STATUS-V-01", (status, write) =>
            write(status == DeviceStatus.Acknowledge ? DeviceStatus.Driver : status)),
        Writing("clears ACKNOWLEDGE once it is live", "CORE-STATUS-V-02", (status, write) =>
            write((status & DeviceStatus.DriverOk) != 0 ? status & ~DeviceStatus.Acknowledge : status)),
        BrokenDriver.Doing("goes on after FAILED without a reset", ["CORE-STATUS-V-03"], user =>
        {
            Negotiation.Begin(user.Machine);
            user.Machine.Transport.WriteStatus(DeviceStatus.Acknowledge | DeviceStatus.Driver | DeviceStatus.Failed);
            user.Machine.Transport.WriteStatus(DeviceStatus.Acknowledge | DeviceStatus.Driver | DeviceStatus.Failed | DeviceStatus.FeaturesOk);
        }),
    ];

    private static BrokenDriver Writing(string name, string breaks, Action<DeviceStatus, Action<DeviceStatus>> write) =>
        new(name, breaks) { Tamper = target => new StatusTamper(target, write) };
}
