using Viommu.Device.Topology;
using Viommu.Device.Wire;

namespace Viommu.Device.Iommu;

/// <summary>What an endpoint wants to do.</summary>
public enum DmaAccess
{
    /// <summary>Read memory.</summary>
    Read,

    /// <summary>Write memory.</summary>
    Write,
}

/// <summary>Where an access goes.</summary>
/// <param name="Outcome">Completed, or what refuses it.</param>
/// <param name="Address">The guest-physical address.</param>
/// <param name="Last">The last I/O virtual address that the same answer holds for, and that translates contiguously.</param>
/// <param name="IsDoorbell">The access is to an MSI doorbell: it is accepted, and reaches no memory.</param>
internal readonly record struct Translation(DmaOutcome Outcome, ulong Address, ulong Last, bool IsDoorbell)
{
    public static Translation Refused(DmaOutcome outcome) => new(outcome, 0, 0, false);
}

/// <summary>Address translation (sections 5.13.6, 5.13.6.5 and 5.13.6.8).</summary>
internal static class Translator
{
    public static Translation Translate(IommuState state, in Endpoint endpoint, ulong address, DmaAccess access)
    {
        // IOMMU-OPS-D-06.
        if (endpoint.Domain is null && !UnattachedAreBypassed(state)) return Translation.Refused(DmaOutcome.NotAttached);

        ulong last = ulong.MaxValue;
        foreach (ref readonly var region in endpoint.Reserved.All)
        {
            // IOMMU-RESV-D-05, in bypass mode as well: nothing but the endpoint is affected.
            if (region.Range.Contains(address)) return InsideReserved(region, access);
            if (region.Range.First > address) last = Math.Min(last, region.Range.First - 1);
        }

        if (endpoint.Domain is null or { IsBypass: true }) return new(DmaOutcome.Completed, address, last, false);

        // IOMMU-MAP-D-06: each direction needs its own flag; write-only mappings are supported.
        var needed = access == DmaAccess.Write ? MapFlags.Write : MapFlags.Read;
        if (!endpoint.Domain.Mappings.TryFind(address, out var mapping) || (mapping.Flags & needed) == 0)
            return Translation.Refused(DmaOutcome.NotMapped);

        // MAP made sure that phys_start plus the length of the mapping stays within 64 bits, and that no region is inside it.
        ulong physical = mapping.PhysStart + (address - mapping.Virtual.First);
        return new(DmaOutcome.Completed, physical, mapping.Virtual.Last, false);
    }

    // Section 5.13.6: the new feature decides as soon as it is offered, the old one only once it is negotiated.
    private static bool UnattachedAreBypassed(IommuState state) =>
        (state.Offers(IommuFeatures.BypassConfig) && state.Bypass) || state.HasNegotiated(IommuFeatures.Bypass);

    private static Translation InsideReserved(in ReservedRegion region, DmaAccess access) =>
        region.Kind == ReservedRegionKind.Msi && access == DmaAccess.Write
            ? new(DmaOutcome.Completed, 0, region.Range.Last, true)
            : Translation.Refused(DmaOutcome.NotMapped);
}
