using Viommu.Device.Iommu;

namespace Viommu.Device.Topology;

/// <summary>One virtio-iommu of a machine and the endpoints that it manages.</summary>
/// <param name="Location">Where its programming interface is.</param>
public sealed record IommuDescription(IommuLocation Location)
{
    /// <summary>The PCI functions that it manages.</summary>
    public IReadOnlyList<PciEndpointRange> PciEndpoints { get; init; } = [];

    /// <summary>The platform devices that it manages.</summary>
    public IReadOnlyList<PlatformEndpoint> PlatformEndpoints { get; init; } = [];

    /// <summary>The endpoints as the device takes them: what <see cref="IommuOptions.EndpointRanges"/> has to be.</summary>
    public IReadOnlyList<EndpointRangeOptions> EndpointRanges =>
    [
        .. from range in PciEndpoints
           select new EndpointRangeOptions(range.FirstEndpoint, range.LastEndpoint) { ReservedRegions = range.ReservedRegions },
        .. from device in PlatformEndpoints
           select new EndpointRangeOptions(device.Endpoint, device.Endpoint) { ReservedRegions = device.ReservedRegions },
    ];
}

/// <summary>Consecutive PCI functions with consecutive endpoint IDs, from <c>FirstEndpoint</c> on.</summary>
/// <param name="Segment">The PCI segment.</param>
/// <param name="First">The first function.</param>
/// <param name="Last">The last function, inclusive.</param>
/// <param name="FirstEndpoint">The endpoint ID of the first function.</param>
public sealed record PciEndpointRange(ushort Segment, PciBdf First, PciBdf Last, uint FirstEndpoint)
{
    /// <summary>Virtual addresses that are reserved for each of these endpoints.</summary>
    public IReadOnlyList<ReservedRegion> ReservedRegions { get; init; } = [];

    /// <summary>The endpoint ID of the last function.</summary>
    public uint LastEndpoint => unchecked(FirstEndpoint + Last.Value - First.Value);

    /// <summary>True where the function is one of the range.</summary>
    public bool Contains(ushort segment, PciBdf bdf) => segment == Segment && First.Value <= bdf.Value && bdf.Value <= Last.Value;

    /// <inheritdoc/>
    public override string ToString() => $"PCI range {Segment:x4}:{First}..{Last}";
}

/// <summary>A device that is found by the address of its registers, and makes DMA.</summary>
/// <param name="BaseAddress">Its first register, in bytes.</param>
/// <param name="Endpoint">Its endpoint ID.</param>
public sealed record PlatformEndpoint(ulong BaseAddress, uint Endpoint)
{
    /// <summary>Length of its registers, in bytes.</summary>
    public ulong Length { get; init; } = 0x200;

    /// <summary>The generic name of its device-tree node.</summary>
    public string Name { get; init; } = "virtio";

    /// <summary><c>compatible</c> of its device-tree node.</summary>
    public string Compatible { get; init; } = "virtio,mmio";

    /// <summary>Virtual addresses that are reserved for this endpoint.</summary>
    public IReadOnlyList<ReservedRegion> ReservedRegions { get; init; } = [];

    /// <inheritdoc/>
    public override string ToString() => $"{Name} at 0x{BaseAddress:x}";
}
