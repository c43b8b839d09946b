using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>4.1.4 Virtio Structure PCI Capabilities.</summary>
internal static class VirtioStructureCapabilitiesChecks
{
    private const int ConfigurationSize = 0x100;

    [Check("PCI-CAP-D-02",
        Does = "Uses every structure of a type beyond the first: reads and writes it, and compares with the first.",
        Reading = "Each is an interface to the same device: status and device configuration read as through the first, a status written is seen there, and an interrupt "
            + "shows in the ISR status. N/A where there is one of each. A driver chooses among them, so one that leads nowhere is none.")]
    internal static void Every_further_structure_of_a_type_is_an_interface_to_the_device(CheckContext check)
    {
        var pci = check.Pci;
        var further = ((StructureType[])[StructureType.Common, StructureType.Isr, StructureType.Device])
            .SelectMany(type => VirtioCapability.All(pci.Function, type).Skip(1)).ToList();
        if (further.Count == 0) throw new NotApplicableException("the device has one structure of each type");
        foreach (var capability in further)
        {
            var region = new StructureRegion(check.Machine, capability);
            switch (capability.Type)
            {
                case StructureType.Common:
                    pci.WriteStatus(DeviceStatus.Acknowledge);
                    Reads(capability, region, CommonField.DeviceStatus.Offset, 1, (uint)DeviceStatus.Acknowledge);
                    region.Write(CommonField.DeviceStatus.Offset, 1, (uint)(DeviceStatus.Acknowledge | DeviceStatus.Driver));
                    var status = pci.ReadStatus();
                    That(status == (DeviceStatus.Acknowledge | DeviceStatus.Driver), $"status 0x03, as written through {capability}", $"0x{(byte)status:x2}");
                    break;
                case StructureType.Isr:
                    Initialisation.RequiresInterruptPin(pci.Function);
                    Knock.GivenServed(check, check.Start(Initialisation.Unsuppressed(NotificationMode.Line)));
                    Given(check.Machine.Await(() => pci.Function.InterruptPending), "no interrupt of a request that came back");
                    Reads(capability, region, 0, 1, (uint)Notifications.Used);
                    break;
                default:
                    for (var at = 0u; at < 8; at += 4) Reads(capability, region, at, 4, (uint)pci.ReadConfig((int)at, 4));
                    break;
            }
        }
        check.Note = $"{further.Count} further structures";
    }

    [Check("PCI-CAP-D-04",
        Does = "Reads cap_len of every virtio capability.",
        Reading = "16 or more; 20 or more for notification and PCI configuration access, which have a field behind; 24 or more for shared memory, which has two; 6 or more for "
            + "vendor data. It can be more (4.1.4), and stays inside configuration space.")]
    internal static void The_capability_length_counts_all_of_its_fields(CheckContext check)
    {
        foreach (var capability in VirtioCapability.All(check.Pci.Function))
        {
            var least = capability.Type switch
            {
                StructureType.Notify or StructureType.PciConfigurationAccess => VirtioCapability.PlainSize + 4,
                StructureType.SharedMemory => VirtioCapability.PlainSize + 8,
                StructureType.VendorData => 6,
                _ => VirtioCapability.PlainSize,
            };
            var length = capability.CapabilityLength;
            That(length >= least && capability.At + length <= ConfigurationSize, $"cap_len of {least} or more in {capability}", $"{length}");
        }
    }

    [Check("DESC-PCI-05",
        Does = "Compares bar, offset and length of every virtio structure with the size of its BAR.",
        Reading = "The BAR exists, and the structure lies inside it. More than one structure can be in a BAR, and its end can be unused.")]
    internal static void Every_structure_lies_inside_its_BAR(CheckContext check)
    {
        var function = check.Pci.Function;
        foreach (var capability in VirtioCapability.All(function).Where(capability => capability.PointsIntoBar && capability.Type != StructureType.SharedMemory))
        {
            var size = function.BarSize(capability.Bar);
            That(size != 0, $"a BAR {capability.Bar}, into which {capability} points", "there is none");
            That((ulong)capability.Offset + capability.Length <= size, $"offset + length of 0x{size:x} at most, the size of BAR {capability.Bar}, in {capability}",
                $"offset 0x{capability.Offset:x}, length 0x{capability.Length:x}");
        }
    }

    [Check("DESC-PCI-05",
        Does = "Compares length of every common configuration, ISR status and device configuration structure with the fields that the device has.",
        Reading = "Every field lies inside: those of features that are not offered do not count. More is padding, or for the future (4.1.4).")]
    internal static void Every_structure_is_as_long_as_its_fields(CheckContext check)
    {
        // The first byte behind the last field that there is.
        var common = check.Offers(Features.RingReset) ? End(CommonField.QueueReset)
            : check.Offers(Features.NotifConfigData) ? End(CommonField.QueueNotifConfigData)
            : End(CommonField.QueueDeviceHigh);
        var device = check.Offers(Features.BypassConfig) ? IommuConfig.BypassOffset + 1u
            : check.Offers(Features.Probe) ? IommuConfig.BypassOffset
            : check.Offers(Features.DomainRange) ? IommuConfig.ProbeSizeOffset
            : check.Offers(Features.InputRange) ? 24u : 8u;
        foreach (var capability in VirtioCapability.All(check.Pci.Function))
        {
            var least = capability.Type switch
            {
                StructureType.Common => common,
                StructureType.Isr => 1u,
                StructureType.Device => device,
                _ => 0u,
            };
            That(capability.Length >= least || !capability.PointsIntoBar, $"a length of {least} or more in {capability}", $"{capability.Length}");
        }

        static uint End(CommonField field) => field.Offset + (uint)field.Width;
    }

    [Check("DESC-PCI-06",
        Does = "Writes other bytes to every field of the virtio capabilities, but for PCI configuration access, which is there to be written, and vendor data.",
        Reading = "They read as before. All fields are read-only unless stated otherwise (4.1.4).")]
    internal static void The_fields_of_the_capabilities_are_read_only(CheckContext check)
    {
        var function = check.Pci.Function;
        foreach (var capability in VirtioCapability.All(function).Where(capability => capability.PointsIntoBar))
        {
            var length = Math.Min(capability.CapabilityLength, ConfigurationSize - capability.At);
            for (var at = capability.At; at < capability.At + length; at++)
            {
                var before = function.Read(at, 1);
                function.Write(at, 1, ~before & 0xff);
                var after = function.Read(at, 1);
                function.Write(at, 1, before);
                That(after == before, $"0x{before:x2} still at 0x{at:x2}, in {capability}, after a write", $"0x{after:x2}");
            }
        }
    }

    /// <summary>A capability of a type that every virtio-iommu has, at each moment at which a driver can look for it.</summary>
    internal static void IsThere(CheckContext check, StructureType type)
    {
        var function = check.Pci.Function;
        Look("after the reset");
        check.Start();
        Look("while the device runs");

        void Look(string when) => That(
            VirtioCapability.All(function, type).Any(capability => !capability.PointsIntoBar || function.BarSize(capability.Bar) != 0),
            $"a {VirtioCapability.Name(type)} capability {when}", "there is none");
    }

    private static void Reads(VirtioCapability capability, StructureRegion region, uint at, int width, uint expected)
    {
        var read = region.Read(at, width);
        That(read == expected, $"0x{expected:x} at offset {at} of the structure of {capability}, as through the first of its type", $"0x{read:x}");
    }
}
