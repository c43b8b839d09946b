using Viommu.Device.Memory;

namespace Viommu.Device.Virtqueue;

/// <summary>
/// What both ring formats ask of a list of buffers. The queue size bounds their number (sections 2.7.5.3.1 and 2.8.17), so the scratch
/// space has that length, and a loop ends where it is full.
/// </summary>
internal ref struct ChainBuilder(Span<BufferSegment> scratch)
{
    private readonly Span<BufferSegment> _scratch = scratch;
    private int _taken;
    private int _readable;
    private ulong _writableLength;

    /// <summary>Bytes of all buffers so far. At most 2^15 buffers of less than 2^32 bytes: the sum cannot leave 64 bits.</summary>
    public ulong TotalLength { get; private set; }

    /// <summary>Appends one buffer.</summary>
    public ChainFault Add(ulong address, uint length, bool isWritable)
    {
        if (_taken == _scratch.Length) return ChainFault.TooLong;
        if (length > 0 && !new GuestAddress(address).TryOffset(length - 1, out _)) return ChainFault.AddressWraps;
        if (isWritable)
        {
            _writableLength += length;
        }
        else
        {
            if (_readable != _taken) return ChainFault.ReadableAfterWritable;
            _readable++;
        }

        TotalLength += length;
        _scratch[_taken++] = new(new(address), length);
        return ChainFault.None;
    }

    /// <summary>The chain of all buffers that were added.</summary>
    public readonly DescriptorChain Build(ushort id, int entries) =>
        new(id, entries, _scratch[.._taken], _readable, _writableLength);
}
