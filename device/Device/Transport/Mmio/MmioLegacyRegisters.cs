using static Viommu.Device.Wire.MmioLayout;

namespace Viommu.Device.Transport.Mmio;

/// <summary>The registers of section 4.2.4, in the order of its table.</summary>
internal static class MmioLegacyRegisters
{
    public static IReadOnlyList<MmioRegister> Table { get; } =
    [
        new(MagicValue, "MagicValue", _ => Magic, null),
        new(Wire.MmioLayout.Version, "Version", _ => 1, null),
        new(DeviceId, "DeviceID", r => r.DeviceId, null),
        new(VendorId, "VendorID", r => r.VendorId, null),
        new(DeviceFeatures, "HostFeatures", r => MmioRegisters.Word(r.Core.LegacyFeatures, r.DeviceFeaturesSel), null),
        new(DeviceFeaturesSel, "HostFeaturesSel", null, (r, v) => r.DeviceFeaturesSel = v),
        new(DriverFeatures, "GuestFeatures", null, (r, v) => r.Core.WriteDriverFeatures(r.DriverFeaturesSel, v)),
        new(DriverFeaturesSel, "GuestFeaturesSel", null, (r, v) => r.DriverFeaturesSel = v),
        new(LegacyGuestPageSize, "GuestPageSize", null, (r, v) => r.LegacyQueues.TrySetPageSize(v)),
        new(QueueSel, "QueueSel", null, (r, v) => r.QueueSel = v),
        new(QueueSizeMax, "QueueSizeMax", r => r.Core.MaximumQueueSize(r.QueueIndex), null),
        new(QueueSize, "QueueSize", null, (r, v) => MmioModernRegisters.WriteSize(r, v)),
        new(LegacyQueueAlign, "QueueAlign", null, (r, v) => r.LegacyQueues.TrySetAlignment(r.QueueIndex, v)),
        new(LegacyQueuePfn, "QueuePFN", r => r.LegacyQueues.PageNumber(r.QueueIndex), (r, v) => r.LegacyQueues.Place(r.QueueIndex, v)),
        new(QueueNotify, "QueueNotify", null, (r, v) => r.Notify(v)),
        new(InterruptStatus, "InterruptStatus", r => r.Interrupts, null),
        new(InterruptAck, "InterruptACK", null, (r, v) => r.Interrupts &= ~v),
        new(Status, "Status", r => (uint)r.Core.Status, (r, v) => MmioModernRegisters.WriteStatus(r, v)),
    ];
}
