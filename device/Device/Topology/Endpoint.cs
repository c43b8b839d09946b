using Viommu.Device.Iommu;

namespace Viommu.Device.Topology;

/// <summary>An endpoint and where it is attached.</summary>
internal sealed class Endpoint(EndpointOptions options)
{
    private readonly ReservedRegion[] _reserved = [.. options.ReservedRegions];

    public uint Id => options.Id;

    /// <summary>The domain that the endpoint is attached to, if any: one at a time.</summary>
    public Domain? Domain { get; set; }

    /// <summary>The regions in the order in which PROBE presents them.</summary>
    public ReadOnlySpan<ReservedRegion> Reserved => _reserved;
}
