using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Iommu;

/// <summary>IOMMU Device / Feature bits.</summary>
internal static class FeatureBits
{
    [Check("IOMMU-FEAT-D-01",
        Does = "Reads the feature bits that the device offers.",
        Reading = "Bit 2 is set. Without it there is no way to map anything.")]
    internal static void Map_unmap_is_offered(CheckContext check) =>
        That(check.Offers(Features.MapUnmap), "MAP_UNMAP (bit 2) offered", Offered(check));

    [Check("IOMMU-FEAT-D-02",
        Does = "Reads the feature bits that the device offers.",
        Reading = "Bit 3 is clear: BYPASS_CONFIG has taken its place.")]
    internal static void The_superseded_bypass_feature_is_not_offered(CheckContext check) =>
        That(!check.Offers(Features.Bypass), "BYPASS (bit 3) not offered", Offered(check));

    [Check("IOMMU-FEAT-D-03",
        Does = "Reads the feature bits that the device offers.",
        Reading = "Bits 3 and 6 are not both set.")]
    internal static void Bypass_and_bypass_config_are_not_offered_together(CheckContext check) =>
        That(!check.Offers(Features.Bypass | Features.BypassConfig), "BYPASS (bit 3) and BYPASS_CONFIG (bit 6) not both offered", Offered(check));

    private static string Offered(CheckContext check) => $"offered: {Features.Describe(check.Initial.OfferedFeatures)}";
}
