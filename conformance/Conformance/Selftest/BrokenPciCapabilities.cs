using Viommu.Conformance.Checks.Pci;
using Viommu.Guest.Pci;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Selftest.ShowsConfiguration;

namespace Viommu.Conformance.Selftest;

/// <summary>
/// Devices that break rules of the virtio structure capabilities (4.1.4). What they have wrong is mostly in a capability beyond those
/// that the driver uses, so that the device works.
/// </summary>
internal static class BrokenPciCapabilities
{
    // Where BAR 0 of the reference device has nothing.
    private const uint Nowhere = 0x1800;
    private const uint Notify = 0x3000;

    public static IEnumerable<BrokenDevice> All() =>
    [
        Adding("has a second common configuration that leads nowhere", ["PCI-CAP-D-02"], Structure(StructureType.Common, Nowhere, 0x40)),
        Adding("has a second device configuration that leads nowhere", ["PCI-CAP-D-02"], Structure(StructureType.Device, Nowhere, 0x28)),
        Adding("has a second ISR status that leads nowhere", ["PCI-CAP-D-02"], Structure(StructureType.Isr, Nowhere, 1)),
        Showing("does not count the multiplier in the length of the notification capability", ["PCI-CAP-D-04"],
            function => [new ShownByte(At(function, StructureType.Notify) + 2, VirtioCapability.PlainSize)]),
        Showing("has a device configuration that is longer than its BAR", ["DESC-PCI-05.*-inside-its-bar"], function => Dword(At(function, StructureType.Device) + 12, 0x1_0000)),
        Showing("has a common configuration that ends before queue_reset", ["DESC-PCI-05.*-as-long-as-its-fields"], function => Dword(At(function, StructureType.Common) + 12, 0x38)),
        BrokenDevice.Registers("lets the driver write the id of a capability", ["DESC-PCI-06"], target => new WritableByte(target, function => At(function, StructureType.Device) + 5)),

        Adding("has a second common configuration at offset 2", ["PCI-COMMON-D-01"], Structure(StructureType.Common, 2, 0x40)),
        Adding("has a second device configuration at offset 0x2002", ["PCI-DEVCFG-D-02"], Structure(StructureType.Device, 0x2002, 0x28)),
        Hiding("common configuration", "PCI-COMMON-D-02", StructureType.Common),
        Hiding("notification", "PCI-NOTIFY-D-01", StructureType.Notify),
        Hiding("ISR status", "PCI-ISR-D-01", StructureType.Isr),
        Hiding("device configuration", "PCI-DEVCFG-D-01", StructureType.Device),
        Hiding("PCI configuration access", "PCI-CFGACC-D-01", StructureType.PciConfigurationAccess),

        Adding("has a second notification structure at an odd offset", ["PCI-NOTIFY-D-02", "PCI-NOTIFY-D-08"], Structure(StructureType.Notify, Notify + 1, 8, 4)),
        Adding("has a second notification structure at offset 0x3002", ["PCI-NOTIFY-D-08"], Structure(StructureType.Notify, Notify + 2, 8, 4)),
        Adding("multiplies queue_notify_off by 6", ["PCI-NOTIFY-D-03", "PCI-NOTIFY-D-07"], Structure(StructureType.Notify, Notify, 8, 6)),
        Adding("multiplies queue_notify_off by 1", ["PCI-NOTIFY-D-03", "PCI-NOTIFY-D-07"], Structure(StructureType.Notify, Notify, 8, 1)),
        Adding("multiplies queue_notify_off by 2", ["PCI-NOTIFY-D-07"], Structure(StructureType.Notify, Notify, 8, 2)),
        Adding("has a second notification structure of 1 byte", ["PCI-NOTIFY-D-04", "PCI-NOTIFY-D-09"], Structure(StructureType.Notify, Notify, 1, 0)),
        Adding("has a second notification structure of 3 bytes", ["PCI-NOTIFY-D-09"], Structure(StructureType.Notify, Notify, 3, 0)),
        Showing("has a notification structure that is too short for its queues", ["PCI-NOTIFY-D-06", "PCI-NOTIFY-D-11"], function => Dword(At(function, StructureType.Notify) + 12, 5)),
        BrokenDevice.Registers("moves a doorbell out of the structure once features are negotiated", ["PCI-NOTIFY-D-05", "PCI-NOTIFY-D-10"], target => new MovesDoorbell(target)),
        Adding("has a second notification structure that nobody listens to", ["DESC-PCI-02"], Structure(StructureType.Notify, Nowhere, 8, 4)),

        Adding("has a shared memory region beyond its BAR", ["PCI-SHM-D-01"], Structure(StructureType.SharedMemory, 0x3000, 0x2000, 0, 0)),
        Adding("has a shared memory region that its upper half takes beyond the BAR", ["PCI-SHM-D-01"], Structure(StructureType.SharedMemory, 0x1000, 0x1000, 0, 1)),
        Adding("has two shared memory regions of one id", ["PCI-SHM-D-02"],
            Structure(StructureType.SharedMemory, 0x1000, 0x100, 0, 0), Structure(StructureType.SharedMemory, 0x1100, 0x100, 0, 0)),
        BrokenDevice.Registers("loses an interrupt when its vendor data is read", ["PCI-VENDOR-D-01"], target => new VendorDataWithSideEffect(target)),
        Adding("has vendor data of virtio", ["PCI-VENDOR-D-04"], VendorData(12, 0x1af4)),
        Adding("has vendor data of 10 bytes", ["PCI-VENDOR-D-05"], VendorData(10, 0x1234)),
    ];

    private static BrokenDevice Showing(string name, string[] breaks, Func<PciFunction, IEnumerable<ShownByte>> shown) =>
        BrokenDevice.Registers(name, breaks, target => new ShowsConfiguration(target, shown));

    private static BrokenDevice Adding(string name, string[] breaks, params byte[][] capabilities) => Showing(name, breaks, function => Added(function, capabilities));

    private static BrokenDevice Hiding(string name, string breaks, StructureType type) => BrokenDevice.Registers(
        $"has no {name} capability while it runs", [breaks], target => new ShowsConfiguration(target, function => [new ShownByte(At(function, type) + 3, 0x7f)], whileRunning: true));

    private static byte[] VendorData(byte length, ushort vendor) => [length, (byte)StructureType.VendorData, (byte)vendor, (byte)(vendor >> 8), .. new byte[length - 6]];

    private sealed class MovesDoorbell(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override ulong ReadRegister(CommonField field) =>
            field == CommonField.QueueNotifyOff && Real(CommonField.QueueSelect) == 1 && (ReadStatus() & DeviceStatus.FeaturesOk) != 0 ? 100 : base.ReadRegister(field);
    }

    private sealed class VendorDataWithSideEffect(ITarget inner) : ShowsConfiguration(inner, function => Added(function, VendorData(12, 0x1234)))
    {
        private const int First = FreeSpace + 6;
        private const int Last = FreeSpace + 11;

        public override uint ConfigRead(PciAddress function, int offset, int width)
        {
            if (function == Function.Address && offset >= First && offset <= Last) ReadIsr();
            return base.ConfigRead(function, offset, width);
        }
    }
}
