using Viommu.Conformance.Scripts;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Traces;

/// <summary>
/// Makes a script of what a guest asked of its device, so that the same can be asked of any other: endpoints, and the pages that were mapped,
/// get symbols in the order in which they appear.
/// </summary>
/// <param name="source">Where the requests come from, for the comment on top.</param>
internal sealed class TraceScript(string source)
{
    // Every target has two endpoints to make DMA from, and sets this much memory apart for what scripts map.
    private const int Endpoints = 2;
    private const ulong Page = 4096;
    private const ulong Pages = 16;

    // What a reader can take in; a recording repeats itself long before.
    private const int MostOperations = 400;

    private readonly List<ScriptLine> lines = [new CommentLine($"What the guest of {source} asked of its device.")];
    private readonly List<uint> endpoints = [];
    private readonly HashSet<uint> domains = [];
    private readonly Dictionary<ulong, ulong> pages = [];
    private int operations;
    private bool isFresh = true;

    /// <summary>The script, as far as something has been asked.</summary>
    public Script Script => new(lines);

    /// <summary>Takes an observation in.</summary>
    public void See(Observation seen)
    {
        if (operations == MostOperations) return;
        if (seen is RequestAnswered answered && OperationOf(answered.Request) is { } operation) Add(operation);
        else if (seen is ConfigWritten { Offset: IommuConfig.BypassOffset } written) Add(new BypassOperation((byte)written.Value));
        else if (DriverHistory.IsReset(seen) && !isFresh)
        {
            Add(new ResetOperation());
            domains.Clear();
            isFresh = true;
        }
    }

    private void Add(ScriptOperation operation)
    {
        lines.Add(operation);
        operations++;
        isFresh = false;
    }

    private ScriptOperation? OperationOf(SentRequest request)
    {
        switch (request)
        {
            case SentRequest.Attach attach when EndpointOf(attach.Endpoint) is { } endpoint:
                domains.Add(attach.Domain);
                return new AttachOperation((ulong)attach.Domain, endpoint, attach.Flags ?? 0, attach.Reserved ?? 0) { HeadReserved = attach.HeadReserved ?? 0 };
            case SentRequest.Detach detach when EndpointOf(detach.Endpoint) is { } endpoint:
                return new DetachOperation((ulong)detach.Domain, endpoint, detach.Reserved ?? 0) { HeadReserved = detach.HeadReserved ?? 0 };
            case SentRequest.Map map when domains.Contains(map.Domain):
                return new MapOperation((ulong)map.Domain, map.VirtStart, map.VirtEnd, PhysicalOf(map), map.Flags) { HeadReserved = map.HeadReserved ?? 0 };
            case SentRequest.Unmap unmap when domains.Contains(unmap.Domain):
                return new UnmapOperation((ulong)unmap.Domain, unmap.VirtStart, unmap.VirtEnd, unmap.Reserved ?? 0) { HeadReserved = unmap.HeadReserved ?? 0 };
            case SentRequest.Probe probe when EndpointOf(probe.Endpoint) is { } endpoint:
                return new ProbeOperation(endpoint) { HeadReserved = probe.HeadReserved ?? 0 };
            default:
                return null;
        }
    }

    private Symbol? EndpointOf(uint endpoint)
    {
        if (!endpoints.Contains(endpoint) && endpoints.Count < Endpoints) endpoints.Add(endpoint);
        return endpoints.IndexOf(endpoint) is >= 0 and var index ? Symbol.Endpoint(index) : null;
    }

    /// <summary>Device registers stay where they were: no target has memory of that kind to give.</summary>
    private Symbol PhysicalOf(SentRequest.Map map)
    {
        if ((map.Flags & MapFlags.Mmio) != 0) return map.PhysStart;
        var (page, rest) = Math.DivRem(map.PhysStart, Page);
        if (!pages.TryGetValue(page, out var number)) pages[page] = number = (ulong)pages.Count % Pages;
        return Symbol.Ram(number * Page + rest);
    }
}
