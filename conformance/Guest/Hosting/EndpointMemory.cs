using Viommu.Device.Memory;
using Viommu.Guest.Targets.Served;

namespace Viommu.Guest.Hosting;

/// <summary>
/// Memory as an endpoint reaches it: what it takes for guest-physical addresses are I/O virtual ones, and the virtio-iommu decides what is
/// there.
/// </summary>
internal sealed class EndpointMemory(IOutspokenBusMaster endpoint) : IGuestMemory
{
    /// <inheritdoc/>
    public bool TryRead(GuestAddress from, Span<byte> into) => endpoint.TryRead(from.Value, into, out _);

    /// <inheritdoc/>
    public bool TryWrite(GuestAddress to, ReadOnlySpan<byte> bytes) => endpoint.TryWrite(to.Value, bytes);
}
