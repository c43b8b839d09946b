using Viommu.Device.Iommu;

namespace Viommu.Device.Topology;

/// <summary>
/// The endpoint IDs that a device manages, as disjoint ranges in ascending order: a segment full of endpoints is one entry.
/// </summary>
internal sealed class EndpointSet
{
    private readonly List<Range> _ranges;
    private readonly Dictionary<IReadOnlyList<ReservedRegion>, ReservedRegions> _regions = new(RegionListComparer.Instance);

    public EndpointSet(IEnumerable<EndpointRangeOptions> options) =>
        _ranges = [.. from range in options orderby range.First select new Range(range.First, range.Last, Share(range.ReservedRegions))];

    public bool TryFind(uint id, out ReservedRegions reserved)
    {
        int index = IndexOf(id);
        reserved = index >= 0 ? _ranges[index].Reserved : null!;
        return index >= 0;
    }

    /// <summary>Adds an endpoint that is not there.</summary>
    public void Add(EndpointOptions endpoint) =>
        _ranges.Insert(~IndexOf(endpoint.Id), new(endpoint.Id, endpoint.Id, Share(endpoint.ReservedRegions)));

    /// <summary>Removes an endpoint that is there: what is left of its range stays.</summary>
    public void Remove(uint id)
    {
        int index = IndexOf(id);
        var range = _ranges[index];
        _ranges.RemoveAt(index);
        if (id < range.Last) _ranges.Insert(index, range with { First = id + 1 });
        if (range.First < id) _ranges.Insert(index, range with { Last = id - 1 });
    }

    /// <summary>The endpoints, as options that make this set again.</summary>
    public IEnumerable<EndpointRangeOptions> ToOptions() =>
        _ranges.Select(range => new EndpointRangeOptions(range.First, range.Last) { ReservedRegions = range.Reserved.All.ToArray() });

    // The complement of where it would be inserted, for an ID that no range holds.
    private int IndexOf(uint id)
    {
        int low = 0;
        for (int high = _ranges.Count; low < high;)
        {
            int middle = (low + high) / 2;
            if (_ranges[middle].Last < id) low = middle + 1;
            else high = middle;
        }

        return low < _ranges.Count && _ranges[low].First <= id ? low : ~low;
    }

    private ReservedRegions Share(IReadOnlyList<ReservedRegion> regions)
    {
        if (_regions.TryGetValue(regions, out var shared)) return shared;
        ReservedRegion[] copy = [.. regions];
        return _regions[copy] = new(copy);
    }

    private readonly record struct Range(uint First, uint Last, ReservedRegions Reserved);
}
