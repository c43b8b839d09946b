using Viommu.Guest.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Oracle;

/// <summary>What does not change while a driver runs: what the device offers, what was accepted of it, and the endpoints that are known.</summary>
public sealed class DeviceFacts
{
    // The last page of the number space is given to nothing: no PCI segment that exists reaches it, no platform hands it out.
    private const uint GivenToNothing = 0xffff_f000;

    private readonly EndpointFacts[] endpoints;

    /// <summary>The facts of a device that a driver has started.</summary>
    /// <param name="offered">Feature bits offered.</param>
    /// <param name="negotiated">Feature bits accepted.</param>
    /// <param name="config">The configuration; fields whose feature is not offered are not looked at.</param>
    /// <param name="endpoints">The endpoints that are known to exist.</param>
    /// <param name="ram">Guest memory that mappings can lead to for certain.</param>
    public DeviceFacts(ulong offered, ulong negotiated, IommuConfig config, IEnumerable<EndpointFacts> endpoints, AddressWindow ram)
    {
        (Offered, Negotiated, Ram) = (offered, negotiated, ram);
        this.endpoints = [.. endpoints];
        Granule = config.Granule;
        (InputFirst, InputLast) = Offers(Features.InputRange) ? (config.InputStart, config.InputEnd) : (0, ulong.MaxValue);
        (DomainFirst, DomainLast) = Offers(Features.DomainRange) ? (config.DomainStart, config.DomainEnd) : (0, uint.MaxValue);
        ProbeSize = Offers(Features.Probe) ? config.ProbeSize : 0;
        InitialBypass = Offers(Features.BypassConfig) && (config.Bypass & 1) != 0;
    }

    /// <summary>Feature bits offered.</summary>
    public ulong Offered { get; }

    /// <summary>Feature bits negotiated.</summary>
    public ulong Negotiated { get; }

    /// <summary>Guest memory that mappings can lead to.</summary>
    public AddressWindow Ram { get; }

    /// <summary>The page granularity in bytes, a power of two; zero where page_size_mask is empty.</summary>
    public ulong Granule { get; }

    /// <summary>First virtual address that can be mapped.</summary>
    public ulong InputFirst { get; }

    /// <summary>Last virtual address that can be mapped.</summary>
    public ulong InputLast { get; }

    /// <summary>First domain that can exist.</summary>
    public uint DomainFirst { get; }

    /// <summary>Last domain that can exist.</summary>
    public uint DomainLast { get; }

    /// <summary>Bytes of properties that PROBE fills.</summary>
    public uint ProbeSize { get; }

    /// <summary>The <c>bypass</c> field as it was read with the rest of the configuration.</summary>
    public bool InitialBypass { get; }

    /// <summary>True where every endpoint is known, so that any other number is one of none.</summary>
    public bool KnowsEveryEndpoint { get; init; }

    /// <summary>The endpoints that are known.</summary>
    public ReadOnlySpan<EndpointFacts> Endpoints => endpoints;

    internal bool Offers(ulong feature) => (Offered & feature) == feature;

    internal bool Has(ulong feature) => (Negotiated & feature) == feature;

    internal bool IsDomain(uint domain) => domain >= DomainFirst && domain <= DomainLast;

    internal bool IsInput(ulong first, ulong last) => first >= InputFirst && last <= InputLast;

    /// <summary>True where no bit below the granule is set; of a device without a granule nothing is misaligned.</summary>
    internal bool IsAligned(ulong address) => Granule == 0 || (address & (Granule - 1)) == 0;

    /// <summary>The endpoint of that number; null where it is not known.</summary>
    internal EndpointFacts? Find(uint endpoint)
    {
        foreach (var known in endpoints)
        {
            if (known.Id == endpoint) return known;
        }
        return null;
    }

    /// <summary>Whether the endpoint exists, as far as a guest can know: on a real machine there are more endpoints than those that DMA can be made from.</summary>
    internal bool? Exists(uint endpoint) => Find(endpoint) is not null ? true : KnowsEveryEndpoint || endpoint >= GivenToNothing ? false : null;
}

/// <summary>An endpoint, and the regions that PROBE reports of it.</summary>
public sealed class EndpointFacts(uint id, IReadOnlyList<ReservedRegion> regions)
{
    private readonly ReservedRegion[] regions = [.. regions];

    /// <summary>The endpoint ID.</summary>
    public uint Id { get; } = id;

    /// <summary>Its RESV_MEM regions.</summary>
    public ReadOnlySpan<ReservedRegion> Regions => regions;

    /// <summary>The first region that shares an address with the range; null where none does.</summary>
    internal ReservedRegion? Overlapping(ulong first, ulong last)
    {
        foreach (var region in regions)
        {
            if (region.Start <= last && first <= region.End) return region;
        }
        return null;
    }

    /// <summary>True where PROBE reports the same regions of both.</summary>
    internal bool HasRegionsOf(EndpointFacts other)
    {
        if (regions.Length != other.regions.Length) return false;
        for (var i = 0; i < regions.Length; i++)
        {
            if (regions[i] != other.regions[i]) return false;
        }
        return true;
    }
}
