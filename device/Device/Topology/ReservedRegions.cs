using Viommu.Device.Iommu;
using Viommu.Device.Memory;

namespace Viommu.Device.Topology;

/// <summary>
/// The reserved regions of an endpoint, in the order in which PROBE presents them. Endpoints with equal regions share one object, so
/// that what a domain has to look at grows with the differences between its endpoints, not with their number.
/// </summary>
internal sealed class ReservedRegions(ReservedRegion[] regions)
{
    public ReadOnlySpan<ReservedRegion> All => regions;

    public bool Overlaps(AddressRange range)
    {
        foreach (ref readonly var region in All)
        {
            if (region.Range.Overlaps(range)) return true;
        }

        return false;
    }
}
