using Viommu.Guest.Wire;

namespace Viommu.Conformance.Tests.Properties;

/// <summary>
/// A virtio-iommu as lists that are walked from end to end: slow, short, and sharing nothing with the reference device but the spec. It
/// takes the same side as the reference device where the spec leaves one; where several errors meet it allows each.
/// </summary>
internal sealed class NaiveIommu(IReadOnlyCollection<uint> endpoints, ulong granule)
{
    public sealed record Mapping(ulong Start, ulong End, ulong Physical, uint Flags);

    public sealed record Domain(uint Id, bool IsBypass)
    {
        public HashSet<uint> Endpoints { get; } = [];

        public List<Mapping> Mappings { get; } = [];
    }

    public List<Domain> Domains { get; } = [];

    public Domain? DomainOf(uint endpoint) => Domains.Find(domain => domain.Endpoints.Contains(endpoint));

    /// <summary>Every status that the request may be answered with; OK alone where nothing is wrong with it.</summary>
    public HashSet<RequestStatus> Allowed(Request request)
    {
        var errors = (request switch
        {
            AttachRequest attach => Errors(attach),
            DetachRequest detach => Errors(detach),
            MapRequest map => Errors(map),
            UnmapRequest unmap => Errors(unmap),
            _ => throw new ArgumentException($"{request} is not for this model", nameof(request)),
        }).ToHashSet();
        return errors.Count > 0 ? errors : [RequestStatus.Ok];
    }

    /// <summary>What the request does when it is answered OK.</summary>
    public void Apply(Request request)
    {
        switch (request)
        {
            case AttachRequest attach:
                if (DomainOf(attach.Endpoint)?.Id == attach.Domain) break;
                Leave(attach.Endpoint);
                if (Find(attach.Domain) is null) Domains.Add(new Domain(attach.Domain, IsBypass(attach)));
                Find(attach.Domain)!.Endpoints.Add(attach.Endpoint);
                break;
            case DetachRequest detach:
                Leave(detach.Endpoint);
                break;
            case MapRequest map:
                Find(map.Domain)!.Mappings.Add(new Mapping(map.VirtStart, map.VirtEnd, map.PhysStart, map.Flags));
                break;
            case UnmapRequest unmap:
                Find(unmap.Domain)!.Mappings.RemoveAll(mapping => Overlap(mapping, unmap.VirtStart, unmap.VirtEnd));
                break;
        }
    }

    /// <summary>Where an access of one byte goes, with bypass 0; null where it goes nowhere.</summary>
    public ulong? Translate(uint endpoint, ulong address, bool isWrite)
    {
        if (DomainOf(endpoint) is not { } domain) return null;
        if (domain.IsBypass) return address;
        var mapping = domain.Mappings.Find(mapping => Overlap(mapping, address, address));
        return mapping is null || (mapping.Flags & (isWrite ? MapFlags.Write : MapFlags.Read)) == 0 ? null : address - mapping.Start + mapping.Physical;
    }

    private IEnumerable<RequestStatus> Errors(AttachRequest request)
    {
        if (request.Reserved != 0) yield return RequestStatus.Inval;
        if ((request.Flags & ~AttachRequest.BypassFlag) != 0) yield return RequestStatus.Inval;
        if (!endpoints.Contains(request.Endpoint)) yield return RequestStatus.NoEnt;
        if (Find(request.Domain) is { } domain && domain.IsBypass != IsBypass(request)) yield return RequestStatus.Inval;
    }

    private IEnumerable<RequestStatus> Errors(DetachRequest request)
    {
        if (!endpoints.Contains(request.Endpoint)) yield return RequestStatus.NoEnt;
        else if (DomainOf(request.Endpoint)?.Id != request.Domain) yield return RequestStatus.Inval;
    }

    private IEnumerable<RequestStatus> Errors(MapRequest request)
    {
        var domain = Find(request.Domain);
        if ((request.Flags & ~(MapFlags.Read | MapFlags.Write | MapFlags.Mmio)) != 0) yield return RequestStatus.Inval;
        if (domain is null) yield return RequestStatus.NoEnt;
        if (domain is { IsBypass: true }) yield return RequestStatus.Inval;
        if (request.VirtStart % granule != 0 || unchecked(request.VirtEnd + 1) % granule != 0 || request.PhysStart % granule != 0) yield return RequestStatus.Range;
        if (request.VirtEnd < request.VirtStart || (UInt128)request.PhysStart + request.VirtEnd - request.VirtStart > ulong.MaxValue) yield return RequestStatus.Range;
        if (domain is not null && domain.Mappings.Exists(mapping => Overlap(mapping, request.VirtStart, request.VirtEnd))) yield return RequestStatus.Inval;
    }

    private IEnumerable<RequestStatus> Errors(UnmapRequest request)
    {
        var domain = Find(request.Domain);
        if (request.Reserved != 0) yield return RequestStatus.Inval;
        if (domain is null) yield return RequestStatus.NoEnt;
        if (domain is { IsBypass: true }) yield return RequestStatus.Inval;
        if (request.VirtEnd < request.VirtStart) yield return RequestStatus.Range;
        else if (domain is not null && domain.Mappings.Exists(mapping =>
            Overlap(mapping, request.VirtStart, request.VirtEnd) && (mapping.Start < request.VirtStart || mapping.End > request.VirtEnd))) yield return RequestStatus.Range;
    }

    private Domain? Find(uint id) => Domains.Find(domain => domain.Id == id);

    private static bool IsBypass(AttachRequest request) => (request.Flags & AttachRequest.BypassFlag) != 0;

    private static bool Overlap(Mapping mapping, ulong start, ulong end) => mapping.Start <= end && start <= mapping.End;

    private void Leave(uint endpoint)
    {
        if (DomainOf(endpoint) is not { } domain) return;
        domain.Endpoints.Remove(endpoint);
        if (domain.Endpoints.Count == 0) Domains.Remove(domain);
    }
}
