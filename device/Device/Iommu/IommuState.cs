using Viommu.Device.Memory;
using Viommu.Device.Topology;
using Viommu.Device.Wire;

namespace Viommu.Device.Iommu;

/// <summary>What the requests of section 5.13.6 read and change: features, configuration, endpoints, domains.</summary>
internal sealed partial class IommuState
{
    private readonly EndpointSet _endpoints;
    private readonly Dictionary<uint, Endpoint> _attached = [];
    private readonly Dictionary<uint, Domain> _domains = [];
    private readonly Stack<Domain> _spareDomains = [];

    public IommuState(IommuOptions options)
    {
        Options = options;
        _endpoints = new(options.AllEndpoints);
        Granule = options.PageSizeMask & (0 - options.PageSizeMask);
        // IOMMU-OPS: the ranges bind where they are offered; where not, every address and every domain is valid.
        InputRange = Offers(IommuFeatures.InputRange) ? options.InputRange : new(0, ulong.MaxValue);
        DomainRange = Offers(IommuFeatures.DomainRange) ? options.DomainRange : new(0, uint.MaxValue);
        SystemReset();
    }

    public IommuOptions Options { get; private init; }

    /// <summary>The lowest bit of <c>page_size_mask</c>: the granularity of mappings in bytes.</summary>
    public ulong Granule { get; }

    public AddressRange InputRange { get; }

    public DomainRange DomainRange { get; }

    /// <summary>The configuration field <c>bypass</c>.</summary>
    public bool Bypass { get; set; }

    /// <summary>The features in force: none before FEATURES_OK.</summary>
    public IommuFeatures Negotiated { get; set; }

    public int DomainCount => _domains.Count;

    /// <summary>Mappings of all domains together.</summary>
    public int MappingCount { get; private set; }

    public bool Offers(IommuFeatures feature) => (Options.Features & feature) != 0;

    public bool HasNegotiated(IommuFeatures feature) => (Negotiated & feature) != 0;

    public bool TryFindEndpoint(uint id, out Endpoint endpoint)
    {
        if (_attached.TryGetValue(id, out endpoint)) return true;
        bool exists = _endpoints.TryFind(id, out var reserved);
        endpoint = new(id, reserved, null);
        return exists;
    }

    public bool TryFindDomain(uint id, out Domain domain) => _domains.TryGetValue(id, out domain!);

    /// <summary>A new endpoint, attached to nothing.</summary>
    /// <exception cref="ArgumentException">It is there already, or no device could have it.</exception>
    public void Add(EndpointOptions endpoint)
    {
        (Options with { Endpoints = [endpoint], EndpointRanges = [.. _endpoints.ToOptions()] }).Validate();
        _endpoints.Add(endpoint);
    }

    /// <summary>The endpoint is gone, and its attachment ended as by DETACH; false where there is none.</summary>
    public bool Remove(uint id)
    {
        if (!TryFindEndpoint(id, out var endpoint)) return false;
        if (endpoint.Domain is not null) Detach(endpoint);
        _endpoints.Remove(id);
        return true;
    }

    /// <summary>Attaches an endpoint that is attached to nothing, creating the domain where it does not exist.</summary>
    public void Attach(in Endpoint endpoint, uint domainId, bool isBypass)
    {
        if (!TryFindDomain(domainId, out var domain))
        {
            domain = _spareDomains.TryPop(out var spare) ? spare : new Domain();
            domain.Begin(domainId, isBypass);
            _domains.Add(domainId, domain);
        }

        domain.Enter(endpoint.Reserved);
        _attached.Add(endpoint.Id, endpoint with { Domain = domain });
    }

    /// <summary>Detaches an attached endpoint. With its last endpoint the domain and its mappings cease to exist.</summary>
    public void Detach(in Endpoint endpoint)
    {
        var domain = endpoint.Domain!;
        _attached.Remove(endpoint.Id);
        domain.Leave(endpoint.Reserved);
        if (domain.EndpointCount > 0) return;
        MappingCount -= domain.Mappings.Count;
        _domains.Remove(domain.Id);
        Keep(domain);
    }

    public void Map(Domain domain, in Mapping mapping)
    {
        domain.Mappings.Add(mapping);
        MappingCount++;
    }

    public void Unmap(Domain domain, AddressRange range) => MappingCount -= domain.Mappings.RemoveInside(range);

    /// <summary>Device reset: no endpoint is attached (section 5.13.5), but <see cref="Bypass"/> stays (IOMMU-CFG-D-04).</summary>
    public void Reset()
    {
        foreach (var domain in _domains.Values) Keep(domain);
        _domains.Clear();
        _attached.Clear();
        MappingCount = 0;
        Negotiated = IommuFeatures.None;
    }

    /// <summary>IOMMU-CFG-D-05: <see cref="Bypass"/> goes back to its initial value as well.</summary>
    public void SystemReset()
    {
        Reset();
        Bypass = Options.InitialBypass;
    }

    private void Keep(Domain domain)
    {
        domain.End();
        _spareDomains.Push(domain);
    }
}
