using Viommu.Device.Memory;
using Viommu.Device.Topology;
using Viommu.Device.Wire;

namespace Viommu.Device.Iommu;

/// <summary>Everything that a virtio-iommu device can be configured to offer.</summary>
/// <remarks>
/// What the spec merely advises against (BYPASS together with BYPASS_CONFIG, no MAP_UNMAP) can be built, since it is legal and drivers
/// meet it; what would make the device contradict itself cannot.
/// </remarks>
public sealed record IommuOptions
{
    /// <summary>The largest <see cref="ProbeSize"/>, in bytes; far beyond what a driver allocates.</summary>
    public const uint MaximumProbeSize = 1 << 24;

    /// <summary>
    /// The most endpoints that a device can have: 64 full PCI segments. It bounds the memory that a driver can have spent on attachments.
    /// </summary>
    public const uint MaximumEndpoints = 1 << 22;

    /// <summary>
    /// The most reserved regions in the lists that endpoints can have, equal lists counted once. It bounds the work of a MAP request, which
    /// compares its range with those of every endpoint of the domain.
    /// </summary>
    public const int MaximumReservedRegions = 1 << 12;

    /// <summary>The device-type feature bits offered.</summary>
    public IommuFeatures Features { get; init; } = IommuFeatures.InputRange | IommuFeatures.DomainRange | IommuFeatures.MapUnmap
        | IommuFeatures.Probe | IommuFeatures.Mmio | IommuFeatures.BypassConfig;

    /// <summary><c>page_size_mask</c>: its lowest bit is the granularity of mappings, in bytes.</summary>
    public ulong PageSizeMask { get; init; } = 0xffff_ffff_ffff_f000;

    /// <summary><c>input_range</c>: the virtual addresses that can be mapped, where INPUT_RANGE is offered.</summary>
    public AddressRange InputRange { get; init; } = new(0, ulong.MaxValue);

    /// <summary><c>domain_range</c>: the domains that can exist, where DOMAIN_RANGE is offered.</summary>
    public DomainRange DomainRange { get; init; } = new(0, uint.MaxValue);

    /// <summary><c>probe_size</c>, in bytes: at least 24 for each reserved region of the endpoint that has most.</summary>
    public uint ProbeSize { get; init; } = 512;

    /// <summary>Initial value of <c>bypass</c>, where BYPASS_CONFIG is offered.</summary>
    public bool InitialBypass { get; init; } = true;

    /// <summary>The endpoints that the device manages.</summary>
    public IReadOnlyList<EndpointOptions> Endpoints { get; init; } = [];

    /// <summary>
    /// Further endpoints that the device manages, by ranges of IDs: what describes a segment of a PCI host bridge, without an object for
    /// each function. No endpoint is listed twice.
    /// </summary>
    public IReadOnlyList<EndpointRangeOptions> EndpointRanges { get; init; } = [];

    /// <summary>Domains that can exist at a time; ATTACH answers NOMEM beyond.</summary>
    public int MaximumDomains { get; init; } = int.MaxValue;

    /// <summary>Mappings that can exist at a time, in all domains together; MAP answers NOMEM beyond.</summary>
    public int MaximumMappings { get; init; } = 1 << 20;

    /// <summary>Maximum size of the request queue, in descriptors.</summary>
    public ushort RequestQueueSize { get; init; } = 256;

    /// <summary>Maximum size of the event queue, in descriptors.</summary>
    public ushort EventQueueSize { get; init; } = 256;

    internal IEnumerable<EndpointRangeOptions> AllEndpoints =>
    [
        .. from endpoint in Endpoints
           select new EndpointRangeOptions(endpoint.Id, endpoint.Id) { ReservedRegions = endpoint.ReservedRegions },
        .. EndpointRanges,
    ];

    internal bool HasProblems => Problems().Any();

    /// <summary>Throws unless a device can be built like this.</summary>
    /// <exception cref="ArgumentException">Names every problem, one a line.</exception>
    public void Validate()
    {
        string[] problems = [.. Problems()];
        if (problems.Length > 0) throw new ArgumentException(string.Join(Environment.NewLine, problems));
    }

    private IEnumerable<string> Problems()
    {
        var undefined = Features & ~IommuFeatures.All;
        if (undefined != 0) yield return $"Features has bits that device type 23 does not define: 0x{(ulong)undefined:x}";
        // IOMMU-CFG-D-01.
        if (PageSizeMask == 0) yield return "PageSizeMask has no bit set";
        if (!InputRange.IsValid) yield return $"InputRange ends before it starts: {InputRange}";
        if (!DomainRange.IsValid) yield return $"DomainRange ends before it starts: {DomainRange}";
        if (ProbeSize > MaximumProbeSize) yield return $"ProbeSize is {ProbeSize}, more than {MaximumProbeSize}";
        if (MaximumDomains < 0) yield return $"MaximumDomains is {MaximumDomains}";
        if (MaximumMappings < 0) yield return $"MaximumMappings is {MaximumMappings}";
        if (!IsQueueSize(RequestQueueSize)) yield return NoQueueSize(nameof(RequestQueueSize), RequestQueueSize);
        if (!IsQueueSize(EventQueueSize)) yield return NoQueueSize(nameof(EventQueueSize), EventQueueSize);
        foreach (var problem in RangeProblems()) yield return problem;
        foreach (var problem in AllEndpoints.SelectMany(RegionProblems)) yield return problem;
    }

    private IEnumerable<string> RangeProblems()
    {
        foreach (var range in EndpointRanges.Where(range => range.First > range.Last)) yield return $"{range} ends before it starts";
        ulong total = 0;
        EndpointRangeOptions? furthest = null;
        foreach (var range in AllEndpoints.Where(range => range.First <= range.Last).OrderBy(range => range.First))
        {
            total += (ulong)(range.Last - range.First) + 1;
            if (furthest is not null && furthest.Last >= range.First)
                yield return $"{furthest} and {range} overlap: an endpoint is listed more than once";
            if (furthest is null || furthest.Last < range.Last) furthest = range;
        }

        int regions = AllEndpoints.Select(range => range.ReservedRegions).Distinct(RegionListComparer.Instance).Sum(list => list.Count);
        if (regions > MaximumReservedRegions) yield return $"there are {regions} reserved regions, more than {MaximumReservedRegions}";
        if (total > MaximumEndpoints) yield return $"there are {total} endpoints, more than {MaximumEndpoints}";
    }

    private static bool IsQueueSize(ushort size) => ushort.IsPow2(size) && size <= SplitRing.MaximumSize;

    private static string NoQueueSize(string name, ushort size) => $"{name} is {size}, not a power of two up to {SplitRing.MaximumSize}";

    private IEnumerable<string> RegionProblems(EndpointRangeOptions endpoint)
    {
        var regions = endpoint.ReservedRegions;
        long needed = (long)regions.Count * ReservedMemoryProperty.Size;
        if (Features.HasFlag(IommuFeatures.Probe) && needed > ProbeSize)
            yield return $"ProbeSize is {ProbeSize}, but the properties of {endpoint} take {needed} bytes";
        // IOMMU-RESV-D-02.
        if (regions.Count(region => region.Kind == ReservedRegionKind.Msi) > 1)
            yield return $"{endpoint} has more than one MSI region";
        foreach (var region in regions)
        {
            string name = $"reserved region {region.Range} of {endpoint}";
            if (!region.Range.IsValid) yield return $"{name} ends before it starts";
            if (!Enum.IsDefined(region.Kind)) yield return $"{name} is of no known kind: {region.Kind}";
        }

        // IOMMU-RESV-D-03. Sorted by start, overlapping regions are neighbours.
        var sorted = regions.OrderBy(region => region.Range.First).ToArray();
        for (int i = 1; i < sorted.Length; i++)
        {
            if (sorted[i - 1].Range.Overlaps(sorted[i].Range))
                yield return $"reserved regions of {endpoint} overlap: {sorted[i - 1].Range} and {sorted[i].Range}";
        }
    }
}

/// <summary>One endpoint.</summary>
/// <param name="Id">The endpoint ID; on PCI segment 0 the requester ID.</param>
public sealed record EndpointOptions(uint Id)
{
    /// <summary>Virtual addresses that are reserved for this endpoint, in the order in which PROBE presents them.</summary>
    public IReadOnlyList<ReservedRegion> ReservedRegions { get; init; } = [];
}

/// <summary>A range of endpoints that have the same reserved regions.</summary>
/// <param name="First">The first endpoint ID.</param>
/// <param name="Last">The last endpoint ID, inclusive; not below <paramref name="First"/> in a valid range.</param>
public sealed record EndpointRangeOptions(uint First, uint Last)
{
    /// <summary>Virtual addresses that are reserved for each of these endpoints, in the order in which PROBE presents them.</summary>
    public IReadOnlyList<ReservedRegion> ReservedRegions { get; init; } = [];

    /// <inheritdoc/>
    public override string ToString() => First == Last ? $"endpoint 0x{First:x}" : $"endpoint range 0x{First:x}..0x{Last:x}";
}

/// <summary>A RESV_MEM property.</summary>
/// <param name="Range">The virtual addresses.</param>
/// <param name="Kind">What they are reserved for.</param>
public readonly record struct ReservedRegion(AddressRange Range, ReservedRegionKind Kind);

/// <summary>VIRTIO_IOMMU_RESV_MEM_T_* (section 5.13.6.8.1).</summary>
public enum ReservedRegionKind : byte
{
    /// <summary>The addresses cannot be used.</summary>
    Reserved = 0,

    /// <summary>The addresses are a doorbell for message signalled interrupts.</summary>
    Msi = 1,
}

/// <summary>An inclusive range of domain IDs.</summary>
/// <param name="First">The first ID.</param>
/// <param name="Last">The last ID; not below <paramref name="First"/> in a valid range.</param>
public readonly record struct DomainRange(uint First, uint Last)
{
    /// <summary>False where <see cref="Last"/> lies below <see cref="First"/>.</summary>
    public bool IsValid => First <= Last;

    /// <summary>True where <paramref name="domain"/> is one of the range's IDs.</summary>
    public bool Contains(uint domain) => First <= domain && domain <= Last;

    /// <inheritdoc/>
    public override string ToString() => $"{First}..{Last}";
}
