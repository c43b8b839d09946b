using Viommu.Conformance.Checks.Pci;
using Viommu.Conformance.Selftest;
using Viommu.Conformance.Watching.Live;
using Viommu.Conformance.Watching.Workload;
using Viommu.Guest.Driver;
using Viommu.Guest.Pci;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Watching.Selftest.RegisterTamper;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>Drivers that break rules of virtio over PCI (4.1).</summary>
internal static class BrokenDriverPci
{
    private const int TypeAt = 3;
    private const int BarAt = 4;

    public static IEnumerable<BrokenDriver> All() =>
    [
        Refusing("does not know 1af4:1057", "PCI-DISC-V-01.a-function-with-the-ids-of-an-iommu-*", EverydayScenarios.Everyday),
        Tampering("takes what comes right behind a capability for the next", "PCI-CAP-D-05", PciScenarios.Padding, target => new(target)
        {
            Believes = (access, value) => IsHeader(access, value) && value >> 8 > ShowsConfiguration.FreeSpace ? value - (4 << 8) : value,
        }),
        Refusing("does not know vendor data of any vendor but virtio's", "PCI-VENDOR-D-02", PciScenarios.VendorDataOfSeveral),
        Tampering("looks for nothing behind the second vendor data", "PCI-VENDOR-D-03", PciScenarios.VendorDataOfSeveral, target => new(target)
        {
            Believes = (access, value) => IsHeader(access, value) && access.Offset == ShowsConfiguration.FreeSpace + PciScenarios.VendorDataSize ? value & 0xff : value,
        }),
        Refusing("does not know revision 0", "PCI-DISC-V-02", PciScenarios.OldRevision),
        Tampering("takes a capability of type 6 for the common configuration", "PCI-CAP-V-02", PciScenarios.ReservedTypes, target => new(target)
        {
            Believes = (access, value) => IsConfiguration(access) && value == 6 && access.Offset % 4 == TypeAt ? 1 : value,
        }),
        Tampering("takes bar 6 for BAR 0", "PCI-CAP-V-05", PciScenarios.ReservedBar, target => new(target)
        {
            Believes = (access, value) => IsConfiguration(access) && value is 6 or 0xff && access.Offset % 4 == BarAt % 4 && access.Width == 1 ? 0 : value,
        }),
        Tampering("passes over the first common configuration", "PCI-CAP-V-03", PciScenarios.TwoStructures, target => new(target) { Believes = PassesOverFirst(StructureType.Common) }),
        Refusing("does not know capabilities with more bytes", ["PCI-CAP-V-04", "PCI-CAP-D-01"], PciScenarios.LongCapabilities),
        Refusing("cannot map a structure of 4 MiB", ["PCI-CAP-V-07", "PCI-CAP-D-03"], PciScenarios.LargeStructure),
        BrokenDriver.Doing("writes the id of a capability", ["PCI-CAP-V-09"], user =>
            user.Machine.Pci!.Function.Write(ShowsConfiguration.At(user.Machine.Pci.Function, StructureType.Device) + 5, 1, 7)),
        BrokenDriver.On(PciScenarios.VendorData, "writes vendor data of whoever it is", ["PCI-VENDOR-V-02"], user =>
            user.Machine.Pci!.Function.Write(VirtioCapability.All(user.Machine.Pci.Function, StructureType.VendorData)[0].At + 8, 4, 0)),

        Tampering("reads queue_size 32 bits wide", "PCI-LAYOUT-V-01", EverydayScenarios.Everyday, target => new(target)
        {
            Reads = access => IsReadOf(CommonField.QueueSize, access) ? access with { Width = 4 } : access,
            Believes = (access, value) => IsReadOf(CommonField.QueueSize, access) ? 8 : value,
        }),
        BrokenDriver.Doing("reads page_size_mask 64 bits wide", ["PCI-LAYOUT-V-01"], user => user.Machine.Transport.ReadConfig(0, 8)),
        BrokenDriver.Doing("writes num_queues", ["PCI-COMMON-V-01"], user => user.Machine.Pci!.WriteCommon(CommonField.NumQueues, 1)),
        Tampering("sizes packed rings by 0", "PCI-COMMON-V-02", EverydayScenarios.Everyday, target => new(target) { Writes = WritesSize(0) }) with
        {
            Configuration = new ModelConfiguration(ModelTransport.Pci, ModelRing.Packed),
        },
        Tampering("sizes split rings by 100", "PCI-COMMON-V-03", EverydayScenarios.Everyday, target => new(target) { Writes = WritesSize(100) }),
        Tampering("enables queues before it places them", "PCI-COMMON-V-04", EverydayScenarios.Everyday, target => new(target)
        {
            Writes = access => IsWriteOf(CommonField.QueueDescLow, access) ? [access with { Offset = CommonField.QueueEnable.Offset, Width = 2, Value = 1 }, access] : [access],
        }),
        Tampering("moves a queue that is enabled", "PCI-COMMON-V-04", EverydayScenarios.Everyday, target => new(target)
        {
            Writes = access => IsWriteOf(CommonField.QueueEnable, access) ? [access, access with { Offset = CommonField.QueueDescLow.Offset, Width = 4, Value = 0x10_0000 }] : [access],
        }),
        BrokenDriver.Doing("initialises the device again while it is being reset", ["PCI-COMMON-V-05"], user =>
        {
            user.Machine.Transport.WriteStatus(DeviceStatus.None);
            user.Machine.Transport.WriteStatus(DeviceStatus.Acknowledge);
        }),
        BrokenDriver.Doing("writes 0 to queue_enable to stop a queue", ["PCI-COMMON-V-06"], user =>
        {
            user.Start();
            user.Machine.Pci!.WriteCommon(CommonField.QueueEnable, 0);
        }),
        BrokenDriver.Doing("sets a queue up again while it is being reset", ["PCI-COMMON-V-07"], user =>
        {
            user.Start();
            user.Machine.Transport.ResetQueue(IommuDriver.RequestQueueNumber);
            user.Driver.ReplaceRequestQueue(user.Driver.Requests.Size);
        }),

        BrokenDriver.Doing("looks through the window at an odd place", ["PCI-CFGACC-V-01"], user => Look(user.Machine.Pci!.Function, CommonField.DeviceFeature.Offset + 2, 4)),
        BrokenDriver.Doing("looks through the window at nothing", ["PCI-CFGACC-V-02"], user => Look(user.Machine.Pci!.Function, 0x800, 4)),

        BrokenDriver.On(PciScenarios.Messages, "reads the ISR status for every used buffer", ["PCI-ISR-V-01"], user =>
        {
            user.Start(user.Settings with { Notifications = NotificationMode.Messages });
            foreach (var endpoint in user.Endpoints) user.Ask(new AttachRequest(user.Domain(0), endpoint));
            user.Machine.Pci!.ReadIsr();
        }),
        Tampering("needs more than one MSI-X vector", "PCI-MSIX-V-01", PciScenarios.OneVector, target => new(target)
        {
            Writes = access => IsWriteOf(CommonField.DeviceStatus, access) && ((DeviceStatus)access.Value & DeviceStatus.DriverOk) != 0
                ? throw new Guest.GuestSetupException("the driver has too few vectors") : [access],
        }),
        Tampering("maps queues to vector 7 of 3", "PCI-MSIX-V-04", PciScenarios.Messages, target => new(target)
        {
            Writes = access => IsWriteOf(CommonField.QueueMsixVector, access) ? [access with { Value = 7 }] : [access],
        }),
        Tampering("maps configuration changes to vector 7 of 3", "PCI-MSIX-V-04", PciScenarios.Messages, target => new(target)
        {
            Writes = access => IsWriteOf(CommonField.ConfigMsixVector, access) ? [access with { Value = 7 }] : [access],
        }),
        Tampering("does not look whether a queue was mapped", "PCI-MSIX-V-05", PciScenarios.Messages, target => new(target)
        {
            Reads = access => IsReadOf(CommonField.QueueMsixVector, access) ? access with { Offset = CommonField.NumQueues.Offset } : access,
            Believes = (access, value) => IsReadOf(CommonField.QueueMsixVector, access) ? MsixTable.QueueVector : value,
        }),
        Tampering("does not look whether configuration changes were mapped", "PCI-MSIX-V-05", PciScenarios.Messages, target => new(target)
        {
            Reads = access => IsReadOf(CommonField.ConfigMsixVector, access) ? access with { Offset = CommonField.NumQueues.Offset } : access,
            Believes = (access, value) => IsReadOf(CommonField.ConfigMsixVector, access) ? MsixTable.ConfigVector : value,
        }),
        Tampering("takes an interrupt for two reasons for one of a used buffer", ["PCI-CNOTIFY-V-01", "PCI-CNOTIFY-D-01"], PciScenarios.SharedInterrupt, SeesOne(Notifications.Used)),
        Tampering("takes an interrupt for two reasons for one of a configuration change", ["PCI-CNOTIFY-V-01", "PCI-CNOTIFY-D-01"], PciScenarios.SharedInterrupt, SeesOne(Notifications.Config)),

        Ringing("rings 32 bits wide without NOTIFICATION_DATA", "PCI-DOORBELL-V-01", EverydayScenarios.Everyday, access => access with { Width = 4 }),
        Ringing("rings 16 bits wide with NOTIFICATION_DATA", "PCI-DOORBELL-V-02", PciScenarios.NotificationData, access => access with { Width = 2 }),
        Ringing("rings with another queue's index", "PCI-DOORBELL-V-03", EverydayScenarios.Everyday, access => access with { Value = access.Value ^ 1 }),
        Ringing("rings with another queue's index beside the position", "PCI-DOORBELL-V-04", PciScenarios.NotificationData, access => access with { Value = access.Value ^ 1 }),
        Ringing("rings with a queue's index despite NOTIF_CONFIG_DATA", "PCI-DOORBELL-V-05", PciScenarios.NotifConfigData, access => access with { Value = access.Offset / 4 }),
        Ringing("rings with a queue's index beside the position despite NOTIF_CONFIG_DATA", "PCI-DOORBELL-V-06", PciScenarios.BothData,
            access => access with { Value = (access.Value & 0xffff_0000) | access.Offset / 4 }),
    ];

    private static BrokenDriver Tampering(string name, string breaks, string plays, Func<WatchedTarget, RegisterTamper> tamper) => Tampering(name, [breaks], plays, tamper);

    private static BrokenDriver Tampering(string name, string[] breaks, string plays, Func<WatchedTarget, RegisterTamper> tamper) => new(name, breaks) { Plays = [plays], Tamper = tamper };

    private static BrokenDriver Refusing(string name, string breaks, string plays) => Refusing(name, [breaks], plays);

    private static BrokenDriver Refusing(string name, string[] breaks, string plays) => Tampering(name, breaks, plays, RegisterTamper.Refusing);

    private static BrokenDriver Ringing(string name, string breaks, string plays, Func<RegisterAccess, RegisterAccess> ring) => Tampering(name, breaks, plays, target => new(target)
    {
        Writes = access => [access.Space == RegisterSpace.PciNotify ? ring(access) : access],
    });

    private static Func<WatchedTarget, RegisterTamper> SeesOne(Notifications only) => target => new(target)
    {
        Believes = (access, value) => access.Space == RegisterSpace.PciIsr && value == 3 ? (ulong)only : value,
    };

    private static Func<RegisterAccess, IEnumerable<RegisterAccess>> WritesSize(ulong size) => access => [IsWriteOf(CommonField.QueueSize, access) ? access with { Value = size } : access];

    private static bool IsConfiguration(RegisterAccess access) => access.Space == RegisterSpace.PciConfiguration;

    /// <summary>True for a read of cap_vndr and cap_next of a virtio capability, as the suite's driver makes it; cap_next is the second byte.</summary>
    private static bool IsHeader(RegisterAccess access, ulong value) =>
        IsConfiguration(access) && access is { IsWrite: false, Width: 2, Offset: >= ShowsConfiguration.FreeSpace } && access.Offset % 4 == 0 && (byte)value == PciCapability.VendorSpecific;

    private static bool IsReadOf(CommonField field, RegisterAccess access) => access is { Space: RegisterSpace.PciCommon, IsWrite: false } && access.Offset == field.Offset;

    private static Func<RegisterAccess, ulong, ulong> PassesOverFirst(StructureType type)
    {
        uint? first = null;
        return (access, value) =>
        {
            if (!IsConfiguration(access) || access.Offset % 4 != TypeAt || value != (ulong)type) return value;
            first ??= access.Offset;
            return access.Offset == first ? 0 : value;
        };
    }

    private static void Look(PciFunction function, uint offset, uint length)
    {
        var window = ShowsConfiguration.At(function, StructureType.PciConfigurationAccess);
        function.Write(window + 4, 1, 0);
        function.Write(window + 8, 4, offset);
        function.Write(window + 12, 4, length);
        function.Read(window + 16, 4);
    }
}
