using Viommu.Conformance.Watching.Workload;
using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>Drivers that break rules of the device status field and of device reset (2.1, 2.4).</summary>
internal static class BrokenDriverStatus
{
    private const DeviceStatus Found = DeviceStatus.Acknowledge | DeviceStatus.Driver;

    public static IEnumerable<BrokenDriver> All() =>
    [
        Writing("announces DRIVER before ACKNOWLEDGE", "CORE-STATUS-V-01", status => status == DeviceStatus.Acknowledge ? DeviceStatus.Driver : status),
        Writing("clears ACKNOWLEDGE once it is live", "CORE-STATUS-V-02", status => (status & DeviceStatus.DriverOk) != 0 ? status & ~DeviceStatus.Acknowledge : status),
        BrokenDriver.Doing("goes on after FAILED without a reset", ["CORE-STATUS-V-03"], user =>
        {
            Negotiation.Begin(user.Machine);
            user.Machine.Transport.WriteStatus(Found | DeviceStatus.Failed);
            user.Machine.Transport.WriteStatus(Found | DeviceStatus.Failed | DeviceStatus.FeaturesOk);
        }),
        BrokenDriver.On(StrangeRegisters.NeedsReset, "sends on to a device that needs a reset", ["CORE-STATUS-V-04"], user =>
        {
            user.Start();
            user.Probe(user.Endpoints[0]);
            user.Probe(user.Endpoints[0]);
        }),
        BrokenDriver.Doing("begins before the device reset is done", ["CORE-RESET-V-01"], user =>
        {
            user.Machine.Transport.WriteStatus(DeviceStatus.None);
            user.Machine.Transport.WriteStatus(DeviceStatus.Acknowledge);
        }),
    ];

    private static BrokenDriver Writing(string name, string breaks, Func<DeviceStatus, DeviceStatus> instead) => new(name, breaks)
    {
        Tamper = target => new CommonTamper(target, CommonField.DeviceStatus, (value, write) => write((ulong)instead((DeviceStatus)value))),
    };
}
