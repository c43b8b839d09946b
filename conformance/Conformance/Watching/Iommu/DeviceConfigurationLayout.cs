using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Iommu;

/// <summary>Device configuration layout (5.13.4), driver's side.</summary>
internal static class DeviceConfigurationLayout
{
    [Rule("IOMMU-CFG-V-01", Needs = Sight.Registers,
        Does = "Looks at writes of bypass.",
        Reading = "They are allowed with BYPASS_CONFIG negotiated; there is no such permission without it.")]
    public static void Bypass_is_written_with_BYPASS_CONFIG_negotiated(Judge judge, ConfigWritten seen)
    {
        if (seen.Offset == IommuConfig.BypassOffset)
            judge.That(!judge.Driver.HasNot(Features.BypassConfig), "bypass written with BYPASS_CONFIG negotiated", $"{seen}, and it is not negotiated");
    }

    [Rule("IOMMU-CFG-V-02", Needs = Sight.Registers,
        Does = "Looks at every byte of the configuration that the driver writes.",
        Reading = "It is bypass.")]
    public static void No_field_but_bypass_is_written(Judge judge, ConfigWritten seen) =>
        judge.That(seen is { Offset: IommuConfig.BypassOffset, Width: 1 }, $"nothing written but the byte at {IommuConfig.BypassOffset}", $"{seen}");

    [Rule("IOMMU-CFG-V-03", Needs = Sight.Registers,
        Does = "Looks at every value that the driver writes to bypass.",
        Reading = "It is 0 or 1.")]
    public static void Bypass_is_written_0_or_1(Judge judge, ConfigWritten seen)
    {
        if (seen.Offset == IommuConfig.BypassOffset) judge.That((byte)seen.Value <= 1, "bypass written 0 or 1", $"{seen}");
    }

    [Rule("IOMMU-CFG-V-04", Needs = Sight.Conclusions | Sight.Registers,
        Does = "Has bypass read with junk in bits 1 to 7, and asks the driver whether unattached endpoints are in bypass mode.",
        Reading = "Bit 0 alone decides.")]
    public static void The_upper_bits_of_bypass_are_ignored(Judge judge, ConfigConcluded seen)
    {
        if (judge.Driver.Config.Bypass is { } read && (read & ~1) != 0)
            judge.That(seen.Bypass == ((read & 1) != 0), $"bypass {(read & 1) != 0} from 0x{read:x2}", $"{seen}");
    }
}
