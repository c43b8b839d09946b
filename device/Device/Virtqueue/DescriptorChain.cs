using Viommu.Device.Memory;
using Viommu.Device.Wire;

namespace Viommu.Device.Virtqueue;

/// <summary>One buffer of a chain.</summary>
internal readonly record struct BufferSegment(GuestAddress Address, uint Length);

/// <summary>
/// A chain that was walked to its end and found well-formed; only <see cref="TryWalk"/> makes one. It stands on the scratch space that
/// it was walked with, and is good until the next walk.
/// </summary>
internal readonly ref struct DescriptorChain
{
    // Section 2.7.5.2: no chain is longer than 2^32 bytes in total.
    private const ulong MaximumBytes = 1UL << 32;

    private readonly ReadOnlySpan<BufferSegment> _readable;
    private readonly ReadOnlySpan<BufferSegment> _writable;

    private DescriptorChain(ushort head, ReadOnlySpan<BufferSegment> segments, int readable, ulong writableLength)
    {
        Head = head;
        _readable = segments[..readable];
        _writable = segments[readable..];
        WritableLength = writableLength;
    }

    /// <summary>The index that names the chain in the rings.</summary>
    public ushort Head { get; }

    /// <summary>Length of the device-writable part in bytes.</summary>
    public ulong WritableLength { get; }

    /// <summary>
    /// Walks the chain at <paramref name="head"/>. Each descriptor is read once. The queue size bounds the number of buffers in a chain
    /// (section 2.7.5.3.1), so <paramref name="scratch"/> has that length and a loop ends where it is full.
    /// </summary>
    public static ChainFault TryWalk(
        IGuestMemory memory,
        DescriptorTable table,
        ushort head,
        bool indirectNegotiated,
        Span<BufferSegment> scratch,
        out DescriptorChain chain)
    {
        chain = default;
        uint index = head;
        bool insideIndirect = false;
        int taken = 0;
        int readable = 0;
        ulong readableLength = 0;
        ulong writableLength = 0;
        for (; ; )
        {
            var fault = table.TryRead(memory, index, out var raw);
            if (fault != ChainFault.None) return fault;
            if (raw.IsIndirect)
            {
                fault = CheckIndirect(raw, insideIndirect, indirectNegotiated);
                if (fault != ChainFault.None) return fault;
                // SPLIT-INDIRECT-D-01: the WRITE flag of a descriptor that refers to a table means nothing.
                // SPLIT-INDIRECT-D-02: direct descriptors may have come before it.
                table = new(new(raw.Address), raw.Length / RawDescriptor.Size);
                insideIndirect = true;
                index = 0;
                continue;
            }

            if (taken == scratch.Length) return ChainFault.TooLong;
            if (raw.Length > 0 && !new GuestAddress(raw.Address).TryOffset(raw.Length - 1, out _)) return ChainFault.AddressWraps;
            if (raw.IsWritable)
            {
                writableLength += raw.Length;
            }
            else
            {
                if (readable != taken) return ChainFault.ReadableAfterWritable;
                readable++;
                readableLength += raw.Length;
            }

            if (readableLength + writableLength > MaximumBytes) return ChainFault.TooManyBytes;
            scratch[taken++] = new(new(raw.Address), raw.Length);
            if (!raw.HasNext) break;
            index = raw.Next;
        }

        chain = new(head, scratch[..taken], readable, writableLength);
        return ChainFault.None;
    }

    /// <summary>Copies the first bytes of the device-readable part, as many as there are and fit.</summary>
    public ChainFault CopyReadable(IGuestMemory memory, Span<byte> into, out int copied)
    {
        copied = 0;
        foreach (var segment in _readable)
        {
            int length = (int)Math.Min(segment.Length, (uint)(into.Length - copied));
            if (length > 0 && !memory.TryRead(segment.Address, into.Slice(copied, length))) return ChainFault.BufferUnreachable;
            copied += length;
        }

        return ChainFault.None;
    }

    /// <summary>Copies <paramref name="reply"/>, at most <see cref="WritableLength"/> bytes, to the start of the writable part.</summary>
    public ChainFault Scatter(IGuestMemory memory, ReadOnlySpan<byte> reply)
    {
        foreach (var segment in _writable)
        {
            int length = (int)Math.Min(segment.Length, (uint)reply.Length);
            if (length > 0 && !memory.TryWrite(segment.Address, reply[..length])) return ChainFault.BufferUnreachable;
            reply = reply[length..];
        }

        return ChainFault.None;
    }

    private static ChainFault CheckIndirect(RawDescriptor raw, bool insideIndirect, bool indirectNegotiated)
    {
        if (!indirectNegotiated) return ChainFault.IndirectNotNegotiated;
        if (insideIndirect) return ChainFault.IndirectNested;
        if (raw.HasNext) return ChainFault.IndirectWithNext;
        if (raw.Length == 0 || raw.Length % RawDescriptor.Size != 0) return ChainFault.IndirectTableSize;
        return ChainFault.None;
    }
}
