using Viommu.Device.Lifecycle;
using Viommu.Device.Wire;

namespace Viommu.Device.Iommu;

/// <content>
/// The section of a saved state. It is read by replaying it: each attachment and mapping goes through the handler of its request, so that
/// a state which the rules of section 5.13.6 do not allow cannot be restored.
/// </content>
internal sealed partial class IommuState
{
    private const int RegionSize = 8 + 8 + 1;
    private const int SmallestRange = 4 + 4 + 4;
    private const int SmallestDomain = 4 + 1 + 4 + 4 + 4;
    private const int MappingSize = 8 + 8 + 8 + 1;

    public void Save(StateWriter writer)
    {
        foreach (ulong option in Fingerprint(Options)) writer.U64(option);
        writer.U64((ulong)Negotiated);
        writer.Flag(Bypass);
        SaveEndpoints(writer);
        SaveDomains(writer);
    }

    /// <summary>A state of a device with these options. It is not to be used where the reader has found a fault.</summary>
    public static IommuState Load(IommuOptions options, ref StateReader reader)
    {
        foreach (ulong option in Fingerprint(options)) reader.Expect(option);
        int start = reader.Position;
        var negotiated = (IommuFeatures)reader.U64();
        if ((negotiated & ~options.Features) != 0) reader.Fail(StateFault.Value, start);
        bool bypass = reader.Flag();

        start = reader.Position;
        var endpoints = options with { Endpoints = [], EndpointRanges = LoadEndpoints(ref reader) };
        if (endpoints.HasProblems)
        {
            reader.Fail(StateFault.Value, start);
            return new(options);
        }

        // A legacy driver can decline a feature after it made use of it, so what is negotiated now is no measure for what is there.
        var state = new IommuState(endpoints) { Bypass = bypass, Negotiated = options.Features, Options = options };
        state.LoadDomains(ref reader);
        state.Negotiated = negotiated;
        return state;
    }

    // What is not the state of the device but says how it behaves. Endpoints are state: they come and go.
    private static ulong[] Fingerprint(IommuOptions options) =>
    [
        (ulong)options.Features,
        options.PageSizeMask,
        options.InputRange.First,
        options.InputRange.Last,
        options.DomainRange.First | ((ulong)options.DomainRange.Last << 32),
        options.ProbeSize | (options.InitialBypass ? 1UL << 32 : 0),
        (uint)options.MaximumDomains | ((ulong)options.MaximumMappings << 32),
    ];

    private void SaveEndpoints(StateWriter writer)
    {
        var ranges = _endpoints.ToOptions().ToArray();
        writer.U32((uint)ranges.Length);
        foreach (var range in ranges)
        {
            writer.U32(range.First);
            writer.U32(range.Last);
            writer.U32((uint)range.ReservedRegions.Count);
            foreach (var region in range.ReservedRegions)
            {
                writer.U64(region.Range.First);
                writer.U64(region.Range.Last);
                writer.U8((byte)region.Kind);
            }
        }
    }

    private static EndpointRangeOptions[] LoadEndpoints(ref StateReader reader)
    {
        var ranges = new EndpointRangeOptions[reader.Count(SmallestRange)];
        for (int i = 0; i < ranges.Length; i++)
        {
            uint first = reader.U32();
            uint last = reader.U32();
            var regions = new ReservedRegion[reader.Count(RegionSize)];
            for (int j = 0; j < regions.Length; j++) regions[j] = new(new(reader.U64(), reader.U64()), (ReservedRegionKind)reader.U8());
            ranges[i] = new(first, last) { ReservedRegions = regions };
        }

        return ranges;
    }

    private void SaveDomains(StateWriter writer)
    {
        var members = _attached.Values.OrderBy(endpoint => endpoint.Id).ToLookup(endpoint => endpoint.Domain!.Id, endpoint => endpoint.Id);
        writer.U32((uint)_domains.Count);
        foreach (var domain in _domains.Values.OrderBy(domain => domain.Id))
        {
            writer.U32(domain.Id);
            writer.Flag(domain.IsBypass);
            writer.U32((uint)domain.EndpointCount);
            foreach (uint endpoint in members[domain.Id]) writer.U32(endpoint);
            writer.U32((uint)domain.Mappings.Count);
            foreach (var mapping in domain.Mappings.InOrder())
            {
                writer.U64(mapping.Virtual.First);
                writer.U64(mapping.Virtual.Last);
                writer.U64(mapping.PhysStart);
                writer.U8((byte)mapping.Flags);
            }
        }
    }

    private void LoadDomains(ref StateReader reader)
    {
        for (int left = reader.Count(SmallestDomain); left > 0 && !reader.IsFaulty; left--)
        {
            int start = reader.Position;
            uint id = reader.U32();
            if (TryFindDomain(id, out _)) reader.Fail(StateFault.Unreachable, start);
            var flags = reader.Flag() ? AttachFlags.Bypass : AttachFlags.None;
            LoadAttachments(ref reader, id, flags);
            LoadMappings(ref reader, id);
            // A domain exists through its endpoints.
            if (!TryFindDomain(id, out _)) reader.Fail(StateFault.Unreachable, start);
        }
    }

    private void LoadAttachments(ref StateReader reader, uint domain, AttachFlags flags)
    {
        for (int left = reader.Count(sizeof(uint)); left > 0 && !reader.IsFaulty; left--)
        {
            int start = reader.Position;
            uint endpoint = reader.U32();
            if (_attached.ContainsKey(endpoint) || AttachHandler.Handle(new(domain, endpoint, flags, 0), this) != RequestStatus.Ok)
                reader.Fail(StateFault.Unreachable, start);
        }
    }

    private void LoadMappings(ref StateReader reader, uint domain)
    {
        for (int left = reader.Count(MappingSize); left > 0 && !reader.IsFaulty; left--)
        {
            int start = reader.Position;
            var request = new MapRequest(domain, reader.U64(), reader.U64(), reader.U64(), (MapFlags)reader.U8());
            if (MapHandler.Handle(request, this) != RequestStatus.Ok) reader.Fail(StateFault.Unreachable, start);
        }
    }
}
