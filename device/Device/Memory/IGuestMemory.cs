namespace Viommu.Device.Memory;

/// <summary>
/// Guest-physical memory as a device sees it. Bytes are copied in and out: no span into guest memory escapes, so a guest that
/// changes a byte while a request is handled is never read twice.
/// </summary>
public interface IGuestMemory
{
    /// <summary>Copies <c>into.Length</c> bytes starting at <paramref name="from"/>; false, and nothing is copied, unless all of them exist.</summary>
    bool TryRead(GuestAddress from, Span<byte> into);

    /// <summary>Copies <paramref name="bytes"/> to <paramref name="to"/>; false, and nothing is written, unless every byte has a place.</summary>
    bool TryWrite(GuestAddress to, ReadOnlySpan<byte> bytes);
}
