using Viommu.Device.Memory;

namespace Viommu.Device.Tests.Support;

/// <summary>Memory that another processor changes at the worst moment: after each of the device's reads.</summary>
internal sealed class ChangingMemory(IGuestMemory memory) : IGuestMemory
{
    /// <summary>Called with the address and length of each read, once it is done.</summary>
    public Action<ulong, int> AfterRead { get; set; } = (_, _) => { };

    /// <summary>False makes a write fail.</summary>
    public Func<ulong, bool> CanWrite { get; set; } = _ => true;

    public bool TryRead(GuestAddress from, Span<byte> into)
    {
        bool read = memory.TryRead(from, into);
        AfterRead(from.Value, into.Length);
        return read;
    }

    public bool TryWrite(GuestAddress to, ReadOnlySpan<byte> bytes) => CanWrite(to.Value) && memory.TryWrite(to, bytes);
}
