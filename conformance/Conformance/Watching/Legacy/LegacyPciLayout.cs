using Viommu.Conformance.Watching.Pci;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Legacy;

/// <summary>Legacy Interfaces: A Note on PCI Device Layout (4.1.4.10) and on Device Layout Detection (4.1.5.1.1.1), driver's side.</summary>
internal static class LegacyPciLayout
{
    private const uint CapabilityPointer = 0x34;

    [Rule("LEGACY-PCI-V-01", Uses = ["LEGACY-TERM-D-02"], Needs = Sight.Registers | Sight.PciConfiguration, Transports = [WatchedTransport.LegacyPci],
        Does = "Looks for accesses to the structures of the modern interface while a driver uses the legacy one of a function that has both.",
        Reading = "There are none between its first write to BAR0 and a reset of the device.")]
    public static void The_structure_in_BAR0_is_used_alone(Judge judge, RegisterAccess seen)
    {
        if (PciView.Of(judge)?.Capabilities.Any(capability => capability.IsUsable) != true) return;
        var use = judge.Keep<HashSet<RegisterSpace>>();
        if (seen is { Space: RegisterSpace.LegacyIo, IsWrite: true }) use.Add(RegisterSpace.LegacyIo);
        if (seen is { Space: RegisterSpace.LegacyIo, Offset: var at, Value: 0, IsWrite: true } && at == LegacyHeader.DeviceStatus.Offset) use.Clear();
        if (!use.Contains(RegisterSpace.LegacyIo)) return;
        judge.That(
            seen.Space is not (RegisterSpace.PciCommon or RegisterSpace.PciNotify or RegisterSpace.PciIsr or RegisterSpace.PciDevice),
            "accesses to the legacy structure in BAR0 alone", $"{seen}");
    }

    [Rule("LEGACY-PCI-V-03", Needs = Sight.Registers, Transports = [WatchedTransport.LegacyPci],
        Does = "Looks at every access to BAR0 behind the first 20 bytes, and at whether MSI-X is enabled.",
        Reading = "The configuration is found at 20, and with MSI-X enabled at 24: no access goes past its 40 bytes, and none of 32 bits takes the two vectors for it.")]
    public static void The_configuration_is_accessed_right_behind_the_header(Judge judge, Observation seen)
    {
        var vectors = judge.Keep<Queue<RegisterAccess>>();
        if (vectors.TryDequeue(out var access) && seen is not (ConfigRead or ConfigWritten))
            judge.That(false, "the configuration at offset 24 while MSI-X is enabled", $"{access}");
        var (offset, width) = seen switch
        {
            ConfigRead read => (read.Offset, read.Width),
            ConfigWritten written => (written.Offset, written.Width),
            _ => (0u, 0),
        };
        if (width > 0) judge.That(offset + (uint)width <= IommuConfig.Size, $"an access within the {IommuConfig.Size} bytes of the configuration", $"{seen}");
        if (seen is RegisterAccess { Space: RegisterSpace.LegacyIo, Offset: LegacyHeader.EndWithoutMsix, Width: 4 } at) vectors.Enqueue(at);
    }

    [Rule("LEGACY-PCIDETECT-V-01", Needs = Sight.Registers | Sight.PciConfiguration | Sight.Conclusions, Transports = [WatchedTransport.LegacyPci],
        Does = "Looks for a read of the capability list before the driver uses the legacy interface.",
        Reading = "There is one. This suite's driver goes on although it finds virtio capabilities, because the user asked for the legacy interface.")]
    public static void A_transitional_driver_looks_for_capabilities(Judge judge, RegisterAccess seen) => LooksForCapabilities(judge, seen, RegisterSpace.LegacyIo);

    [Rule("LEGACY-PCIDETECT-V-03", Needs = Sight.Registers | Sight.PciConfiguration | Sight.Conclusions, Transports = [WatchedTransport.Pci],
        Does = "Looks for a read of the capability list before the driver uses a structure of the modern interface.",
        Reading = "There is one.")]
    public static void A_non_transitional_driver_looks_for_capabilities(Judge judge, RegisterAccess seen) => LooksForCapabilities(judge, seen, RegisterSpace.PciCommon);

    private static void LooksForCapabilities(Judge judge, RegisterAccess seen, RegisterSpace used)
    {
        var done = judge.Keep<HashSet<uint>>();
        if (seen is { Space: RegisterSpace.PciConfiguration, IsWrite: false } && seen.Offset <= CapabilityPointer && seen.Offset + (uint)seen.Width > CapabilityPointer) done.Add(CapabilityPointer);
        if (seen.Space == used) judge.That(done.Contains(CapabilityPointer), "the capability list read before the device is used", $"{seen}");
    }
}
