using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching;

/// <summary>Domains, mappings, and what PROBE said of endpoints, as the answers to requests made them (5.13.6).</summary>
public sealed class IommuHistory
{
    private readonly Dictionary<uint, DomainHistory> domains = [];
    private readonly Dictionary<uint, uint> attached = [];
    private readonly Dictionary<uint, IReadOnlyList<ReservedRange>> regions = [];
    private readonly HashSet<uint> probed = [];

    // False until a reset, where a recording does not begin with one: then domains exist of which nothing is known.
    private bool isKnown;

    /// <summary>The domain of that number; null where there is none, as far as it is known.</summary>
    public DomainHistory? Domain(uint number) => domains.GetValueOrDefault(number);

    /// <summary>The domain that an endpoint is attached to; null where it is to none.</summary>
    public uint? DomainOf(uint endpoint) => attached.TryGetValue(endpoint, out var domain) ? domain : null;

    /// <summary>True once a PROBE of the endpoint was sent, for this device, before or after a reset of it.</summary>
    public bool WasProbed(uint endpoint) => probed.Contains(endpoint);

    /// <summary>The regions that PROBE reported of an endpoint, RESERVED and MSI and of unknown kinds; null where none was answered.</summary>
    public IReadOnlyList<ReservedRange>? RegionsOf(uint endpoint) => regions.GetValueOrDefault(endpoint);


    /// <summary>The request that the device returned last; null where there is none.</summary>
    public RequestAnswered? LastAnswer { get; private set; }

    internal void ForgetEverything(bool isKnown)
    {
        Reset();
        this.isKnown = isKnown;
        regions.Clear();
        probed.Clear();
    }

    /// <summary>A device reset detaches all endpoints (5.13.5); what PROBE said is still true.</summary>
    internal void Reset()
    {
        domains.Clear();
        attached.Clear();
        LastAnswer = null;
        isKnown = true;
    }

    internal void Take(Observation seen)
    {
        if (seen is RequestAnswered answered) LastAnswer = answered;
        if (!isKnown && seen is not RequestSent) return;
        switch (seen)
        {
            case DomainFreed freed:
                Domain(freed.Domain)?.Clear();
                break;
            case RegionShown shown when RegionsOf(shown.Endpoint)?.Contains(shown.Region) != true:
                regions[shown.Endpoint] = [.. RegionsOf(shown.Endpoint) ?? [], shown.Region];
                break;
            case RequestSent { Request: SentRequest.Probe probe }:
                probed.Add(probe.Endpoint);
                break;
            case RequestAnswered { Outcome.IsOk: true, Request: SentRequest.Attach attach }:
                Attach(attach);
                break;
            case RequestAnswered { Outcome.IsOk: true, Request: SentRequest.Detach detach }:
                if (DomainOf(detach.Endpoint) == detach.Domain) Detach(detach.Endpoint);
                break;
            case RequestAnswered { Outcome.IsOk: true, Request: SentRequest.Map map }:
                Domain(map.Domain)?.Add(new MappingHistory(map.VirtStart, map.VirtEnd, map.PhysStart, map.Flags));
                break;
            case RequestAnswered { Outcome.IsOk: true, Request: SentRequest.Unmap unmap }:
                Domain(unmap.Domain)?.Remove(unmap.VirtStart, unmap.VirtEnd);
                break;
            case RequestAnswered { Outcome: { IsOk: true, Reply: { Length: > Request.TailSize } reply }, Request: SentRequest.Probe probe }:
                regions[probe.Endpoint] = SeenProperty.RegionsIn(reply.AsSpan(0, reply.Length - Request.TailSize));
                break;
        }
    }

    private void Attach(SentRequest.Attach attach)
    {
        if (DomainOf(attach.Endpoint) == attach.Domain) return;
        Detach(attach.Endpoint);
        if (Domain(attach.Domain) is not { } domain) domains[attach.Domain] = domain = new DomainHistory(attach.IsBypass);
        domain.Endpoints.Add(attach.Endpoint);
        attached[attach.Endpoint] = attach.Domain;
    }

    private void Detach(uint endpoint)
    {
        if (!attached.Remove(endpoint, out var number)) return;
        domains[number].Endpoints.Remove(endpoint);

        // 5.13.6.4: a domain lives as long as it has endpoints.
        if (domains[number].Endpoints.Count == 0) domains.Remove(number);
    }
}

/// <summary>A domain and its mappings.</summary>
/// <param name="isBypass">True where it was made with F_BYPASS; null where that is not shown.</param>
public sealed class DomainHistory(bool? isBypass)
{
    // Sorted by their first address; no two overlap.
    private readonly List<MappingHistory> mappings = [];

    /// <summary>True where it was made with F_BYPASS; null where that is not shown.</summary>
    public bool? IsBypass { get; } = isBypass;

    /// <summary>The endpoints attached to it.</summary>
    public HashSet<uint> Endpoints { get; } = [];

    /// <summary>Its mappings by ascending address.</summary>
    public IReadOnlyList<MappingHistory> Mappings => mappings;

    /// <summary>The mapping that an address lies in; null where it lies in none.</summary>
    public MappingHistory? MappingAt(ulong address) => IndexAtOrBefore(address) is >= 0 and var i && mappings[i].End >= address ? mappings[i] : null;

    /// <summary>The mappings that a range touches, by ascending address.</summary>
    public IEnumerable<MappingHistory> Within(ulong start, ulong end)
    {
        var i = Math.Max(0, IndexAtOrBefore(start));
        for (; i < mappings.Count && mappings[i].Start <= end; i++)
        {
            if (mappings[i].End >= start) yield return mappings[i];
        }
    }

    internal void Add(MappingHistory mapping)
    {
        // A device that answers OK to an overlapping MAP leaves it open what is mapped then.
        if (mapping.Start > mapping.End || Within(mapping.Start, mapping.End).Any()) return;
        mappings.Insert(IndexAtOrBefore(mapping.Start) + 1, mapping);
    }

    internal void Clear() => mappings.Clear();

    internal void Remove(ulong start, ulong end)
    {
        var i = Math.Max(0, IndexAtOrBefore(start));
        var count = 0;
        if (i < mappings.Count && mappings[i].Start < start) i++;
        while (i + count < mappings.Count && mappings[i + count].End <= end) count++;
        mappings.RemoveRange(i, count);
    }

    private int IndexAtOrBefore(ulong address)
    {
        var (low, high) = (0, mappings.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (mappings[middle].Start <= address) low = middle + 1;
            else high = middle - 1;
        }
        return high;
    }
}

/// <summary>A mapping of an inclusive range.</summary>
public sealed record MappingHistory(ulong Start, ulong End, ulong Physical, uint Flags)
{
    /// <inheritdoc/>
    public override string ToString() => $"0x{Start:x}..0x{End:x}";
}
