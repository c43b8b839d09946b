using System.Buffers.Binary;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Rings;

namespace Viommu.Fuzz.Devices;

/// <summary>
/// What descriptors name as writable, whichever way a device goes through them. What was named stays so until the next program, since a
/// device may go by what it has read before.
/// </summary>
/// <param name="memory">The memory that they are in.</param>
/// <param name="isPacked">Which format descriptors have.</param>
internal sealed class NamedBuffers(ShadowedMemory memory, bool isPacked)
{
    private const ushort Write = 2;
    private const ushort Indirect = 4;

    // Tables refer to no other tables, and where they do, a device may go on or not.
    private const int DeepestTable = 3;

    private readonly HashSet<(ulong, uint)> _tables = [];

    /// <summary>True where a buffer, or a table, was where a machine has no memory but may have registers.</summary>
    public bool HasStrayed { get; private set; }

    public void Begin() => HasStrayed = false;

    /// <summary>Names the buffers of a chain; false where nothing can be said any more.</summary>
    public bool TryName(RingChain chain)
    {
        foreach (var buffer in chain.Buffers)
        {
            if (!TryName(buffer.Address, buffer.Length, buffer.IsWritable)) return false;
        }

        return true;
    }

    /// <summary>
    /// Names what any descriptor of those rings does; false where nothing can be said any more: what a device reads can be what it has written,
    /// or where nobody sees it.
    /// </summary>
    public bool TryName(ReadOnlySpan<RingPlace> places)
    {
        _tables.Clear();
        foreach (var place in places)
        {
            if (!TryNameAll(place.Descriptors, (uint)place.Size, depth: 0)) return false;
        }

        return true;
    }

    private bool TryNameAll(ulong table, uint count, int depth)
    {
        for (uint i = 0; i < count; i++)
        {
            var descriptor = memory.Bytes.Slice((int)(table - ShadowedMemory.First + (i * RingModel.DescriptorSize)), RingModel.DescriptorSize);
            ulong address = BinaryPrimitives.ReadUInt64LittleEndian(descriptor);
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(descriptor[8..]);
            ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(descriptor[(isPacked ? 14 : 12)..]);
            if (!TryName(address, length, (flags & Write) != 0)) return false;
            if ((flags & Indirect) != 0 && !TryNameTable(address, length, depth + 1)) return false;
        }

        return true;
    }

    private bool TryNameTable(ulong address, uint length, int depth)
    {
        if (length < RingModel.DescriptorSize || !_tables.Add((address, length))) return true;
        ulong offset = unchecked(address - ShadowedMemory.First);
        bool isThere = offset < (ulong)memory.Size && length <= (ulong)memory.Size - offset;
        return isThere && depth <= DeepestTable && memory.TryExtend((int)offset, (int)length, Rights.Read)
            && TryNameAll(address, length / RingModel.DescriptorSize, depth);
    }

    private bool TryName(ulong address, uint length, bool isWritable)
    {
        if (length == 0) return true;
        ulong last = unchecked(address + length - 1);
        if (last < address) last = ulong.MaxValue;
        HasStrayed |= MeetsRegisters(address, last);
        ulong first = Math.Max(address, ShadowedMemory.First);
        last = Math.Min(last, ShadowedMemory.First + (ulong)memory.Size - 1);
        return !isWritable || first > last || memory.TryExtend((int)(first - ShadowedMemory.First), (int)(last - first + 1), Rights.Write);
    }

    // A PC has registers and firmware below 1 MiB, and from the end of memory up to 4 GiB.
    private static bool MeetsRegisters(ulong first, ulong last) => (first <= 0xf_ffff && last >= 0xa_0000) || (first <= uint.MaxValue && last >= 0x310_0000);
}
