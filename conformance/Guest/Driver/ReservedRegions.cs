using Viommu.Guest.Wire;

namespace Viommu.Guest.Driver;

/// <summary>What a driver makes of the answer to a PROBE: the virtual addresses that it must not map for the endpoint (5.13.6.8.1).</summary>
public static class ReservedRegions
{
    /// <summary>
    /// The regions of a properties area. Properties with reserved bits set and those of unknown types are passed over by their length; a
    /// subtype that is not known counts as RESERVED; reserved bytes of a region mean nothing.
    /// </summary>
    public static IReadOnlyList<(ulong Start, ulong End, bool IsMessage)> Of(ReadOnlySpan<byte> properties) =>
    [
        .. ProbeProperty.Parse(properties)
            .Where(property => property.Reserved == 0)
            .Select(property => property.AsReservedRegion()).OfType<ReservedRegion>()
            .Where(region => region.Start <= region.End)
            .Select(region => (region.Start, region.End, region.Subtype == ReservedRegion.MsiSubtype)),
    ];
}
