using Viommu.Device.Iommu;

namespace Viommu.Device.Topology;

/// <summary>Lists of reserved regions are equal where they hold the same regions in the same order: PROBE presents them in it.</summary>
internal sealed class RegionListComparer : IEqualityComparer<IReadOnlyList<ReservedRegion>>
{
    public static RegionListComparer Instance { get; } = new();

    public bool Equals(IReadOnlyList<ReservedRegion>? x, IReadOnlyList<ReservedRegion>? y) =>
        ReferenceEquals(x, y) || (x is not null && y is not null && x.SequenceEqual(y));

    public int GetHashCode(IReadOnlyList<ReservedRegion> obj)
    {
        var hash = new HashCode();
        foreach (var region in obj) hash.Add(region);
        return hash.ToHashCode();
    }
}
