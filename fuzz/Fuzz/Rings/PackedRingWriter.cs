using System.Buffers.Binary;
using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Rings;

/// <summary>Writes packed rings (section 2.8).</summary>
internal sealed class PackedRingWriter(ShadowedMemory memory, RingRequests requests) : RingWriter(memory, requests)
{
    private const ushort Available = 1 << 7;
    private const ushort Used = 1 << 15;

    // Where Submit writes next, and its wrap counter, for both queues.
    private readonly int[] _next = new int[2];
    private readonly bool[] _wrap = new bool[2];

    /// <inheritdoc/>
    public override void Begin(in RingPlace place)
    {
        base.Begin(place);
        _next.AsSpan().Clear();
        _wrap.AsSpan().Fill(true);
    }

    /// <inheritdoc/>
    protected override void PutDescriptor(int offset, ulong address, uint length, ushort flags, ushort nextOrId)
    {
        var descriptor = At(offset, 16);
        BinaryPrimitives.WriteUInt64LittleEndian(descriptor, address);
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor[8..], length);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[12..], nextOrId);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[14..], flags);
    }

    /// <inheritdoc/>
    /// <remarks>A packed ring has no available ring: the flags of the descriptor say it.</remarks>
    protected override void Offer(int areas, int index, int move)
    {
        int flags = areas + RingMachine.Descriptors + (16 * (index % Place.Size)) + 14;
        Put16(flags, (ushort)(Get16(flags) ^ ((move & 1) != 0 ? Available : Used)));
    }

    /// <inheritdoc/>
    protected override void Submit(int areas, ulong readable, uint readableLength, ulong writable, uint writableLength)
    {
        int queue = areas == 0 ? 0 : 1;
        ushort id = (ushort)_next[queue];
        if (Place.Size > 1 && readableLength > 0) Put(queue, areas, readable, readableLength, Next, id);
        Put(queue, areas, writable, writableLength, Write, id);
    }

    private void Put(int queue, int areas, ulong address, uint length, ushort flags, ushort id)
    {
        ushort mark = _wrap[queue] ? Available : Used;
        PutDescriptor(areas + RingMachine.Descriptors + (16 * _next[queue]), address, length, (ushort)(flags | mark), id);
        if (++_next[queue] < Place.Size) return;
        _next[queue] = 0;
        _wrap[queue] = !_wrap[queue];
    }
}
