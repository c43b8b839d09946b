using Viommu.Device.Memory;

namespace Viommu.Fuzz.Queues;

/// <summary>
/// Memory with a driver's other processor: it looks at the ring after each write of the device there, as one that polls may, so that the order
/// in which a device writes shows.
/// </summary>
internal sealed class PublicationWatch(IGuestMemory memory) : IGuestMemory
{
    /// <summary>The ring that is looked at.</summary>
    public DriverRing? Ring { get; set; }

    public bool TryRead(GuestAddress from, Span<byte> into) => memory.TryRead(from, into);

    public bool TryWrite(GuestAddress to, ReadOnlySpan<byte> bytes)
    {
        bool isWritten = memory.TryWrite(to, bytes);
        if (isWritten && Ring is { } ring && unchecked(to.Value - QueueLayout.At(ring.Place)) < QueueLayout.PlaceSize) ring.Watch();
        return isWritten;
    }
}
