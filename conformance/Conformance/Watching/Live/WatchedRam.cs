using Viommu.Guest.Targets;

namespace Viommu.Conformance.Watching.Live;

/// <summary>Guest memory, as a driver that is watched sees it.</summary>
internal sealed class WatchedRam(IGuestRam inner, WatchedQueues queues) : IGuestRam
{
    public AddressWindow Window => inner.Window;

    public bool Holds(ulong address, ulong length) => inner.Holds(address, length);

    public void Read(ulong address, Span<byte> into) => inner.Read(address, into);

    public void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        // A driver can write again what the device has returned, and what that was is gone then.
        queues.LookForUsed();
        var before = new byte[bytes.Length];
        inner.Read(address, before);
        inner.Write(address, bytes);
        queues.DriverWrote(address, bytes.Length, isChange: !bytes.SequenceEqual(before));
    }
}
