using Viommu.Guest.Pci;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>4.1.2 PCI Device Discovery. That the function was found at all proves the IDs once, in one width of access.</summary>
internal static class PciDeviceDiscoveryChecks
{
    private const int RevisionAt = 0x08;
    private const int SubsystemVendorAt = 0x2c;
    private const int SubsystemAt = 0x2e;

    [Check("PCI-DISC-D-02",
        Does = "Reads the vendor ID by accesses of every width.",
        Reading = "0x1af4 in each of them. A function with another ID is not found, so a run on it says that there is no virtio-iommu.")]
    internal static void The_vendor_ID_is_that_of_virtio(CheckContext check) => ReadsInEveryWidth(check.Pci.Function, "vendor ID", 0x00, PciBus.VirtioVendor);

    [Check("PCI-DISC-D-03",
        Does = "Reads the device ID by accesses of every width.",
        Reading = "0x1057, which is 0x1040 plus 23: an IOMMU has no transitional ID. A function with another ID is not found, so a run on it says that there is no "
            + "virtio-iommu.")]
    internal static void The_device_ID_is_that_of_an_IOMMU(CheckContext check) => ReadsInEveryWidth(check.Pci.Function, "device ID", 0x02, PciBus.VirtioIommu);

    [Check("PCI-DISC-D-05",
        Does = "Reads the device ID by accesses of every width.",
        Reading = "0x1040 to 0x107f in each.")]
    internal static void The_device_ID_is_out_of_reach_of_legacy_drivers(CheckContext check)
    {
        foreach (var (width, id) in InEveryWidth(check.Pci.Function, 0x02)) That(id is >= 0x1040 and <= 0x107f, "a device ID of 0x1040 to 0x107f", $"0x{id:x4}, read {width} bytes wide");
    }

    [Check("PCI-DISC-D-06", Does = "Reads the revision ID.", Reading = "1 or above: revision 0 is what legacy drivers look for.")]
    internal static void The_revision_ID_is_1_or_above(CheckContext check)
    {
        var revision = check.Pci.Function.Read(RevisionAt, 1);
        That(revision >= 1, "a revision ID of 1 or above", $"{revision}");
    }

    [Check("PCI-DISC-D-07", Does = "Reads the subsystem IDs.", Reading = "The subsystem device ID is 0x40 or above: below are the virtio IDs that legacy drivers look for.")]
    internal static void The_subsystem_device_ID_is_0x40_or_above(CheckContext check)
    {
        var function = check.Pci.Function;
        var (vendor, subsystem) = (function.Read(SubsystemVendorAt, 2), function.Read(SubsystemAt, 2));
        That(subsystem >= 0x40, "a subsystem device ID of 0x40 or above", $"0x{subsystem:x4}");
        check.Note = $"the subsystem is {vendor:x4}:{subsystem:x4}";
    }

    private static void ReadsInEveryWidth(PciFunction function, string name, int at, ushort expected)
    {
        foreach (var (width, id) in InEveryWidth(function, at)) That(id == expected, $"{name} 0x{expected:x4}", $"0x{id:x4}, read {width} bytes wide");
    }

    private static IEnumerable<(int Width, ushort Id)> InEveryWidth(PciFunction function, int at)
    {
        yield return (1, (ushort)(function.Read(at, 1) | function.Read(at + 1, 1) << 8));
        yield return (2, (ushort)function.Read(at, 2));
        yield return (4, (ushort)(function.Read(0, 4) >> 8 * at));
    }
}
