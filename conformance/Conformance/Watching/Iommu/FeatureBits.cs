using Viommu.Conformance.Watching.Core;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Iommu;

/// <summary>Feature bits (5.13.3), driver's side.</summary>
internal static class FeatureBits
{
    [Rule("IOMMU-FEAT-V-01", Needs = Sight.Registers,
        Does = "Looks for INPUT_RANGE, DOMAIN_RANGE and PROBE in what the driver accepts.",
        Reading = "Each is accepted where it is offered.")]
    public static void Ranges_and_PROBE_are_accepted(Judge judge, StatusWritten seen) =>
        Acceptance.WhereOffered(judge, seen, Features.InputRange | Features.DomainRange | Features.Probe);
}
