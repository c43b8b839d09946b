using System.Buffers.Binary;
using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Rings;

/// <summary>A split virtqueue (section 2.7).</summary>
internal sealed class SplitRingModel(ShadowedMemory memory) : RingModel(memory)
{
    private const ulong MaximumBytes = 1UL << 32;

    private ushort _nextAvailable;
    private ushort _nextUsed;

    // The farthest available index that the device had reason to read: it need not read another one before it gets there.
    private ushort _seen;

    /// <inheritdoc/>
    public override bool CouldGoByEarlierIndex => _seen != _nextAvailable;

    public override int DevicePosition => TryRead16(Place.DeviceArea + 2, out ushort index) ? index : -1;

    public override void Begin(in RingPlace place)
    {
        base.Begin(place);
        _nextAvailable = _nextUsed = _seen = 0;
    }

    public override RingFault Walk(RingChain chain)
    {
        Restart(chain);
        if (!TryRead16(Place.DriverArea + 2, out ushort index)) return RingFault.RingUnreachable;
        if (index == _nextAvailable) return RingFault.Empty;
        if ((ushort)(index - _nextAvailable) > Place.Size - (ushort)(_nextAvailable - _nextUsed)) return RingFault.TooManyAvailable;
        if ((ushort)(index - _nextAvailable) > (ushort)(_seen - _nextAvailable)) _seen = index;
        if (!TryRead16(Place.DriverArea + 4 + (2 * (ulong)(_nextAvailable % Place.Size)), out ushort head)) return RingFault.RingUnreachable;
        chain.Id = head;
        chain.Entries = 1;
        var fault = FollowFrom(head, chain);
        if (fault == RingFault.None) _nextAvailable++;
        return fault;
    }

    protected override RingFault Follow(int slot, RingChain chain)
    {
        if (!TryRead16(Place.DriverArea + 2, out ushort index)) return RingFault.RingUnreachable;
        // Where more are available than there is room for, any may be.
        int outstanding = Math.Min((ushort)(index - _nextUsed), Place.Size);
        if ((ushort)(slot - _nextUsed) % Place.Size >= outstanding) return RingFault.Empty;
        return TryRead16(Place.DriverArea + 4 + (2 * (ulong)slot), out ushort head) ? FollowFrom(head, chain) : RingFault.RingUnreachable;
    }

    public override bool TryReadUsed(out ushort id, out uint length)
    {
        id = 0;
        length = 0;
        if (!TryRead16(Place.DeviceArea + 2, out ushort index) || index == _nextUsed) return false;
        ulong element = Place.DeviceArea + 4 + (8 * (ulong)(_nextUsed % Place.Size));
        if (!Exists(element, 8)) return false;
        id = (ushort)BinaryPrimitives.ReadUInt32LittleEndian(At(element, 4));
        length = BinaryPrimitives.ReadUInt32LittleEndian(At(element + 4, 4));
        return true;
    }

    public override IEnumerable<(ulong Address, int Length)> RingParts(RingChain latest) =>
        [(Place.DriverArea + 4 + (2 * (ulong)((ushort)(_nextAvailable - 1) % Place.Size)), sizeof(ushort))];

    public override void Advance(int chains, int entries) => _nextUsed += (ushort)chains;

    private RingFault FollowFrom(ushort head, RingChain chain)
    {
        ulong table = Place.Descriptors;
        uint size = (uint)Place.Size;
        uint index = head;
        bool isInside = false;
        for (; ; )
        {
            if (index >= size) return RingFault.IndexOutOfRange;
            ulong address = unchecked(table + (index * DescriptorSize));
            if (address < table) return RingFault.AddressWraps;
            if (!Exists(address, DescriptorSize)) return RingFault.TableUnreachable;
            TablesRead.Add((address, DescriptorSize));
            var raw = At(address, DescriptorSize);
            ulong buffer = BinaryPrimitives.ReadUInt64LittleEndian(raw);
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(raw[8..]);
            ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(raw[12..]);
            if ((flags & Indirect) != 0)
            {
                var fault = CheckIndirect(flags, buffer, length, isInside);
                if (fault != RingFault.None) return fault;
                (table, size, index, isInside) = (buffer, length / DescriptorSize, 0, true);
                continue;
            }

            var added = chain.Add(new(buffer, length, (flags & Write) != 0), Place.Size);
            if (added != RingFault.None) return added;
            if (chain.Total > MaximumBytes) return RingFault.TooManyBytes;
            if ((flags & Next) == 0) return RingFault.None;
            index = BinaryPrimitives.ReadUInt16LittleEndian(raw[14..]);
        }
    }
}
