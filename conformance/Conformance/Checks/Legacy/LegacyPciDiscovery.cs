using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Legacy;

/// <summary>4.1.2.3 Legacy Interfaces: A Note on PCI Device Discovery.</summary>
internal static class LegacyPciDiscoveryChecks
{
    private const int IommuDeviceId = 23;

    [Check("LEGACY-PCIDISC-D-01",
        Does = "Reads the PCI revision ID.",
        Reading = "0, by which legacy drivers know what they can drive. " + LegacyInterfaceUse.Extension)]
    internal static void A_transitional_function_has_revision_0(CheckContext check)
    {
        var revision = LegacyInterfaceUse.Pci(check).Function.Read(0x08, 1);
        That(revision == 0, "revision ID 0", $"0x{revision:x2}");
    }

    [Check("LEGACY-PCIDISC-D-02",
        Does = "Reads the PCI subsystem device ID.",
        Reading = "23, the virtio device ID of an IOMMU. " + LegacyInterfaceUse.Extension)]
    internal static void A_transitional_function_has_the_virtio_device_ID_as_its_subsystem_ID(CheckContext check)
    {
        var subsystem = LegacyInterfaceUse.Pci(check).Function.Read(0x2e, 2);
        That(subsystem == IommuDeviceId, $"subsystem device ID {IommuDeviceId}", $"{subsystem}");
    }

    [Check("LEGACY-PCIDISC-D-03",
        Does = "Reads the PCI device ID.",
        Reading = "Any ID of 0x1000 to 0x103f passes: the text lists which type has which, and a virtio-iommu is not among them. " + LegacyInterfaceUse.Extension)]
    internal static void A_transitional_function_has_a_transitional_device_ID(CheckContext check)
    {
        var id = LegacyInterfaceUse.Pci(check).Function.DeviceId;
        That(id is >= 0x1000 and <= 0x103f, "a PCI device ID of 0x1000 to 0x103f", $"0x{id:x4}");
    }
}
