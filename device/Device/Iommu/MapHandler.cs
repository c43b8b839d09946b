using Viommu.Device.Memory;
using Viommu.Device.Wire;

namespace Viommu.Device.Iommu;

/// <summary>MAP (section 5.13.6.5).</summary>
internal static class MapHandler
{
    public static RequestStatus Handle(in MapRequest request, IommuState state)
    {
        // IOMMU-MAP-D-03. MAP_F_MMIO is only available with the feature negotiated.
        var known = MapFlags.Read | MapFlags.Write;
        if (state.HasNegotiated(IommuFeatures.Mmio)) known |= MapFlags.Mmio;
        if ((request.Flags & ~known) != 0) return RequestStatus.Inval;

        // The spec asks drivers for virt_end above virt_start, but also says that mapping one byte is legal: equal is a byte.
        var range = new AddressRange(request.VirtStart, request.VirtEnd);
        if (!range.IsValid) return RequestStatus.Range;

        // IOMMU-MAP-D-01. Where virt_end is 2^64 - 1 the sum wraps to 0, which is aligned as 2^64 is.
        ulong belowGranule = state.Granule - 1;
        if (((request.VirtStart | request.PhysStart | unchecked(request.VirtEnd + 1)) & belowGranule) != 0) return RequestStatus.Range;

        // Section 5.13.6.5: phys_end should be within the guest-physical address space, which 64 bits bound.
        if (!new GuestAddress(request.PhysStart).TryOffset(range.Last - range.First, out _)) return RequestStatus.Range;

        // Section 5.13.6: a request outside input_range fails; domain_range describes the values supported.
        if (!state.InputRange.Contains(range) || !state.DomainRange.Contains(request.Domain)) return RequestStatus.Range;

        // IOMMU-MAP-D-04.
        if (!state.TryFindDomain(request.Domain, out var domain)) return RequestStatus.NoEnt;

        // IOMMU-MAP-D-05.
        if (domain.IsBypass) return RequestStatus.Inval;

        // IOMMU-RESV-D-04: regions are per endpoint, mappings per domain, so those of every attached endpoint count.
        if (domain.IsReserved(range)) return RequestStatus.Inval;

        // IOMMU-MAP-D-02.
        if (domain.Mappings.Overlaps(range)) return RequestStatus.Inval;

        if (state.MappingCount >= state.Options.MaximumMappings) return RequestStatus.NoMem;

        state.Map(domain, new(range, request.PhysStart, request.Flags));
        return RequestStatus.Ok;
    }
}
