using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>4.1.4.6 Device-specific configuration.</summary>
internal static class DeviceSpecificConfigurationChecks
{
    [Check("PCI-DEVCFG-D-01",
        Does = "Walks the capability list after the reset, and while the device runs.",
        Reading = "There is a device configuration capability each time, since an IOMMU has a configuration. A device that never has one cannot be brought up, and the run says so.")]
    internal static void There_is_a_device_configuration_capability(CheckContext check) => VirtioStructureCapabilitiesChecks.IsThere(check, StructureType.Device);

    [Check("PCI-DEVCFG-D-02",
        Does = "Reads the offset of every device configuration capability.",
        Reading = "A multiple of 4.")]
    internal static void The_offset_of_the_device_configuration_is_a_multiple_of_4(CheckContext check)
    {
        foreach (var capability in VirtioCapability.All(check.Pci.Function, StructureType.Device))
            That(capability.Offset % 4 == 0, $"a multiple of 4 as the offset in {capability}", $"0x{capability.Offset:x}");
    }
}
