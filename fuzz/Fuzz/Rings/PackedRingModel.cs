using System.Buffers.Binary;
using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Rings;

/// <summary>A packed virtqueue (section 2.8).</summary>
internal sealed class PackedRingModel(ShadowedMemory memory) : RingModel(memory)
{
    private const ushort Available = 1 << 7;
    private const ushort Used = 1 << 15;

    private int _nextAvailable;
    private bool _availableWrap;
    private int _nextUsed;
    private bool _usedWrap;
    private int _outstanding;

    // Section 2.8.1: whoever makes a descriptor available changes both bits, or one of them, so that they differ.
    public override bool IsHalfAvailable =>
        TryRead16(FlagsOf(_nextAvailable), out ushort flags) && ((flags & Available) != 0) == _availableWrap && ((flags & Used) != 0) == _availableWrap;

    // The two flag bits of every descriptor that can be the next used one.
    public override int DevicePosition => TryRead16(FlagsOf(_nextUsed), out ushort flags) ? flags & (Available | Used) : -1;

    public override void Begin(in RingPlace place)
    {
        base.Begin(place);
        (_nextAvailable, _nextUsed, _outstanding) = (0, 0, 0);
        _availableWrap = _usedWrap = true;
    }

    public override RingFault Walk(RingChain chain)
    {
        Restart(chain);
        var fault = Follow(_nextAvailable, _availableWrap, chain);
        return fault == RingFault.None ? Taken(chain) : fault;
    }

    protected override RingFault Follow(int slot, RingChain chain) =>
        TryRead16(FlagsOf(slot), out ushort flags) ? Follow(slot, (flags & Available) != 0, chain) : RingFault.RingUnreachable;

    public override bool TryReadUsed(out ushort id, out uint length)
    {
        id = 0;
        length = 0;
        if (_outstanding == 0 || !Exists(Descriptor(_nextUsed), DescriptorSize)) return false;
        var raw = At(Descriptor(_nextUsed), DescriptorSize);
        ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(raw[14..]);
        ushort both = Available | Used;
        if ((flags & both) != (_usedWrap ? both : 0)) return false;
        id = BinaryPrimitives.ReadUInt16LittleEndian(raw[12..]);
        // Section 2.8.4: without the flag nothing was written, and the length means nothing.
        length = BinaryPrimitives.ReadUInt32LittleEndian(raw[8..]);
        UntoldLength = (flags & Write) == 0 ? length : null;
        if (UntoldLength is not null) length = 0;
        return true;
    }

    public override IEnumerable<(ulong Address, int Length)> RingParts(RingChain latest) =>
        Enumerable.Range(1, latest.Entries).Select(back => (Descriptor((_nextAvailable - back + Place.Size) % Place.Size), DescriptorSize));

    public override void Advance(int chains, int entries)
    {
        _outstanding -= entries;
        _nextUsed += entries;
        if (_nextUsed < Place.Size) return;
        _nextUsed -= Place.Size;
        _usedWrap = !_usedWrap;
    }

    private RingFault Follow(int position, bool wrap, RingChain chain)
    {
        for (int entries = 1; ; entries++)
        {
            if (!Exists(Descriptor(position), DescriptorSize)) return RingFault.RingUnreachable;
            var raw = At(Descriptor(position), DescriptorSize);
            ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(raw[14..]);
            if (!IsAvailable(flags, wrap)) return entries == 1 ? RingFault.Empty : RingFault.NextNotAvailable;
            if (_outstanding + entries > Place.Size) return RingFault.TooManyAvailable;
            chain.Id = BinaryPrimitives.ReadUInt16LittleEndian(raw[12..]);
            chain.Entries = entries;
            ulong buffer = BinaryPrimitives.ReadUInt64LittleEndian(raw);
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(raw[8..]);
            if ((flags & Indirect) != 0)
            {
                // Section 2.8.19: a list is in the ring, or in a table, never in both.
                if (Place.HasIndirect && entries > 1) return RingFault.IndirectWithNext;
                var fault = CheckIndirect(flags, buffer, length, isInside: false);
                return fault == RingFault.None ? FollowTable(buffer, length / DescriptorSize, chain) : fault;
            }

            var added = chain.Add(new(buffer, length, (flags & Write) != 0), Place.Size);
            if (added != RingFault.None) return added;
            if ((flags & Next) == 0) return RingFault.None;
            if (entries == Place.Size) return RingFault.TooLong;
            if (++position < Place.Size) continue;
            position = 0;
            wrap = !wrap;
        }
    }

    private RingFault Taken(RingChain chain)
    {
        _outstanding += chain.Entries;
        _nextAvailable += chain.Entries;
        if (_nextAvailable < Place.Size) return RingFault.None;
        _nextAvailable -= Place.Size;
        _availableWrap = !_availableWrap;
        return RingFault.None;
    }

    // Section 2.8.7: the list is the whole table, one after the other; of the flags only WRITE counts.
    private RingFault FollowTable(ulong table, uint count, RingChain chain)
    {
        for (uint index = 0; index < count; index++)
        {
            ulong address = unchecked(table + (index * DescriptorSize));
            if (address < table) return RingFault.AddressWraps;
            if (!Exists(address, DescriptorSize)) return RingFault.TableUnreachable;
            TablesRead.Add((address, DescriptorSize));
            var raw = At(address, DescriptorSize);
            bool isWritable = (BinaryPrimitives.ReadUInt16LittleEndian(raw[14..]) & Write) != 0;
            var added = chain.Add(new(BinaryPrimitives.ReadUInt64LittleEndian(raw), BinaryPrimitives.ReadUInt32LittleEndian(raw[8..]), isWritable), Place.Size);
            if (added != RingFault.None) return added;
        }

        return RingFault.None;
    }

    private static bool IsAvailable(ushort flags, bool wrap) => ((flags & Available) != 0) == wrap && ((flags & Used) != 0) != wrap;

    private ulong Descriptor(int index) => Place.Descriptors + ((ulong)index * DescriptorSize);

    private ulong FlagsOf(int index) => Descriptor(index) + 14;
}
