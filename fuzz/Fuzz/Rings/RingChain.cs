namespace Viommu.Fuzz.Rings;

/// <summary>What is wrong with a ring, or what a device may stumble over in it.</summary>
internal enum RingFault
{
    None,
    Empty,
    TooManyAvailable,
    IndexOutOfRange,
    TooLong,
    TooManyBytes,
    AddressWraps,
    ReadableAfterWritable,
    IndirectNotNegotiated,
    IndirectNested,
    IndirectWithNext,
    IndirectSize,
    TableUnreachable,
    BufferUnreachable,
    NextNotAvailable,
    RingUnreachable,

    /// <summary>An indirect table without entries.</summary>
    EmptyTable,

    /// <summary>A buffer of no bytes, of which the text says nothing.</summary>
    EmptyBuffer,

    /// <summary>Nothing is wrong, but what the device makes of it depends on when it looks, and in which order.</summary>
    Ambiguous,
}

/// <summary>One buffer of a chain.</summary>
internal readonly record struct RingBuffer(ulong Address, uint Length, bool IsWritable);

/// <summary>A chain of buffers, as far as it could be walked. It is used again and again.</summary>
internal sealed class RingChain
{
    private const int MostBuffers = 64;

    private readonly RingBuffer[] _buffers = new RingBuffer[MostBuffers];
    private int _count;

    /// <summary>What names the chain when it is used.</summary>
    public ushort Id { get; set; }

    /// <summary>How far it moves a packed ring; 1 in a split one.</summary>
    public int Entries { get; set; }

    /// <summary>Length of the device-writable part, in bytes.</summary>
    public ulong Writable { get; private set; }

    /// <summary>Length of both parts together, in bytes.</summary>
    public ulong Total { get; private set; }

    public ReadOnlySpan<RingBuffer> Buffers => _buffers.AsSpan(0, _count);

    public void Clear()
    {
        _count = 0;
        Writable = Total = 0;
        Id = 0;
        Entries = 0;
    }

    /// <summary>Appends a buffer; what sections 2.7.4, 2.7.5 and 2.8 ask of chains is looked at here.</summary>
    public RingFault Add(in RingBuffer buffer, int mostBuffers)
    {
        if (_count == mostBuffers) return RingFault.TooLong;
        if (buffer.Length > 0 && unchecked(buffer.Address + buffer.Length - 1) < buffer.Address) return RingFault.AddressWraps;
        if (!buffer.IsWritable && _count > 0 && _buffers[_count - 1].IsWritable) return RingFault.ReadableAfterWritable;
        _buffers[_count++] = buffer;
        Total += buffer.Length;
        if (buffer.IsWritable) Writable += buffer.Length;
        return RingFault.None;
    }
}
