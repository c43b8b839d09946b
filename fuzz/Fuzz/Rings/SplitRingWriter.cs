using System.Buffers.Binary;
using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Rings;

/// <summary>Writes split rings (section 2.7).</summary>
internal sealed class SplitRingWriter(ShadowedMemory memory, RingRequests requests) : RingWriter(memory, requests)
{
    /// <inheritdoc/>
    protected override void PutDescriptor(int offset, ulong address, uint length, ushort flags, ushort nextOrId)
    {
        var descriptor = At(offset, 16);
        BinaryPrimitives.WriteUInt64LittleEndian(descriptor, address);
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor[8..], length);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[12..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[14..], nextOrId);
    }

    /// <inheritdoc/>
    protected override void Offer(int areas, int index, int move)
    {
        int available = areas + RingMachine.DriverArea;
        ushort at = Get16(available + 2);
        Put16(available + 4 + (2 * (at % Place.Size)), (ushort)index);
        Put16(available + 2, (ushort)(at + move));
    }

    /// <inheritdoc/>
    protected override void Submit(int areas, ulong readable, uint readableLength, ulong writable, uint writableLength)
    {
        // Two descriptors, in turn, so that the ring comes round; a ring of one has room for one buffer.
        int head = 2 * (Get16(areas + RingMachine.DriverArea + 2) % Math.Max(1, Place.Size / 2));
        if (Place.Size == 1 || readableLength == 0) PutDescriptor(areas + (16 * head), writable, writableLength, Write, 0);
        else
        {
            PutDescriptor(areas + (16 * head), readable, readableLength, Next, (ushort)(head + 1));
            PutDescriptor(areas + (16 * (head + 1)), writable, writableLength, Write, 0);
        }

        Offer(areas, head, 1);
    }
}
