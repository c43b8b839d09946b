using Viommu.Device.Memory;

namespace Viommu.Device.Virtqueue;

/// <summary>One buffer of a chain.</summary>
internal readonly record struct BufferSegment(GuestAddress Address, uint Length);

/// <summary>
/// A chain that was walked to its end and found well-formed; only <see cref="ChainBuilder"/> makes one. It stands on the scratch space
/// that it was walked with, and is good until the next walk.
/// </summary>
internal readonly ref struct DescriptorChain
{
    private readonly ReadOnlySpan<BufferSegment> _readable;
    private readonly ReadOnlySpan<BufferSegment> _writable;

    internal DescriptorChain(ushort id, int entries, ReadOnlySpan<BufferSegment> segments, int readable, ulong writableLength)
    {
        Id = id;
        Entries = entries;
        _readable = segments[..readable];
        _writable = segments[readable..];
        WritableLength = writableLength;
    }

    /// <summary>What names the chain when it is used: the index of its head in a split ring, the buffer ID in a packed one.</summary>
    public ushort Id { get; }

    /// <summary>How far it moves the ring: one element of a split ring, its descriptors in a packed one.</summary>
    public int Entries { get; }

    /// <summary>Length of the device-writable part in bytes.</summary>
    public ulong WritableLength { get; }

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
}
