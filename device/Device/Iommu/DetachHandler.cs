using Viommu.Device.Wire;

namespace Viommu.Device.Iommu;

/// <summary>DETACH (section 5.13.6.4).</summary>
internal static class DetachHandler
{
    public static RequestStatus Handle(in DetachRequest request, IommuState state)
    {
        // IOMMU-DETACH-D-02.
        if (!state.TryFindEndpoint(request.Endpoint, out var endpoint)) return RequestStatus.NoEnt;

        // Section 5.13.6: domain_range describes the values supported; the spec names no status.
        if (!state.DomainRange.Contains(request.Domain)) return RequestStatus.Range;

        // IOMMU-DETACH-D-03: no such domain, or the endpoint is not attached to it.
        if (endpoint.Domain is not { } domain || domain.Id != request.Domain) return RequestStatus.Inval;

        // IOMMU-DETACH-D-04.
        state.Detach(endpoint);
        return RequestStatus.Ok;
    }
}
