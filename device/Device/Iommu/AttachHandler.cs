using Viommu.Device.Topology;
using Viommu.Device.Wire;

namespace Viommu.Device.Iommu;

/// <summary>ATTACH (section 5.13.6.3).</summary>
internal static class AttachHandler
{
    public static RequestStatus Handle(in AttachRequest request, IommuState state)
    {
        // IOMMU-ATTACH-D-01.
        if (request.Reserved != 0) return RequestStatus.Inval;

        // IOMMU-ATTACH-D-02. The flag took the place of a reserved byte: without the feature that defines it, it is not recognised.
        var known = state.HasNegotiated(IommuFeatures.BypassConfig) ? AttachFlags.Bypass : AttachFlags.None;
        if ((request.Flags & ~known) != 0) return RequestStatus.Inval;

        // IOMMU-ATTACH-D-03.
        if (!state.TryFindEndpoint(request.Endpoint, out var endpoint)) return RequestStatus.NoEnt;

        // Section 5.13.6: domain_range describes the values supported; the spec names no status.
        if (!state.DomainRange.Contains(request.Domain)) return RequestStatus.Range;

        bool isBypass = (request.Flags & AttachFlags.Bypass) != 0;
        if (state.TryFindDomain(request.Domain, out var domain))
        {
            // IOMMU-ATTACH-D-06.
            if (domain.IsBypass != isBypass) return RequestStatus.Inval;

            // Attached there already: nothing to do, and the mappings stay (IOMMU-ATTACH-D-07 is about "another" domain).
            if (endpoint.Domain == domain) return RequestStatus.Ok;

            // IOMMU-ATTACH-D-11: a mapping of the domain lies where this endpoint cannot have one.
            if (HasMappingsInReserved(domain, endpoint)) return RequestStatus.Unsupp;
        }
        else if (DomainsAfterLeaving(endpoint, state) >= state.Options.MaximumDomains)
        {
            return RequestStatus.NoMem;
        }

        // IOMMU-ATTACH-D-07/-08: a move is a DETACH followed by an ATTACH. It cannot fail half way.
        if (endpoint.Domain is not null) state.Detach(endpoint);
        state.Attach(endpoint, request.Domain, isBypass);
        return RequestStatus.Ok;
    }

    private static bool HasMappingsInReserved(Domain domain, in Endpoint endpoint)
    {
        foreach (ref readonly var region in endpoint.Reserved.All)
        {
            if (domain.Mappings.Overlaps(region.Range)) return true;
        }

        return false;
    }

    private static int DomainsAfterLeaving(in Endpoint endpoint, IommuState state) =>
        endpoint.Domain is { EndpointCount: 1 } ? state.DomainCount - 1 : state.DomainCount;
}
