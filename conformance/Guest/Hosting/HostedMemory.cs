using Viommu.Device.Memory;
using Viommu.Guest.Hosting.VfioUser;
using Viommu.Guest.Targets;

namespace Viommu.Guest.Hosting;

/// <summary>The memory of a machine elsewhere, all of it a guest's.</summary>
internal sealed class HostedMemory(DmaMap memory) : IGuestRam
{
    /// <summary>From the first address to the last that there is; what lies between may have holes.</summary>
    public AddressWindow Window => new(0, memory.Last);

    /// <inheritdoc/>
    public bool Holds(ulong address, ulong length) => memory.Holds(address, length, forWrite: false);

    /// <inheritdoc/>
    public void Read(ulong address, Span<byte> into)
    {
        if (!memory.TryRead(new GuestAddress(address), into)) throw Outside(address, into.Length);
    }

    /// <inheritdoc/>
    public void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        if (!memory.TryWrite(new GuestAddress(address), bytes)) throw Outside(address, bytes.Length);
    }

    private static ArgumentOutOfRangeException Outside(ulong address, int length) => new(nameof(address), $"{length} bytes at 0x{address:x} are not guest memory");
}
