using Viommu.Device.Memory;
using Viommu.Device.Wire;

namespace Viommu.Device.Iommu;

/// <summary>UNMAP (section 5.13.6.6).</summary>
internal static class UnmapHandler
{
    public static RequestStatus Handle(in UnmapRequest request, IommuState state)
    {
        // IOMMU-UNMAP-D-01, without making use of -02: a rejected request leaves no trace.
        if (request.Reserved != 0) return RequestStatus.Inval;

        // The spec is silent on empty ranges, which cannot be written in inclusive form, and on domains outside domain_range.
        var range = new AddressRange(request.VirtStart, request.VirtEnd);
        if (!range.IsValid || !state.DomainRange.Contains(request.Domain)) return RequestStatus.Range;

        // IOMMU-UNMAP-D-03.
        if (!state.TryFindDomain(request.Domain, out var domain)) return RequestStatus.NoEnt;

        // IOMMU-UNMAP-D-04.
        if (domain.IsBypass) return RequestStatus.Inval;

        // IOMMU-UNMAP-D-05/-06: one mapping that would be split saves them all.
        if (domain.Mappings.Straddles(range)) return RequestStatus.Range;

        // IOMMU-UNMAP-D-07: holes do not matter.
        state.Unmap(domain, range);
        return RequestStatus.Ok;
    }
}
