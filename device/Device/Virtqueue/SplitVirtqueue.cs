using System.Buffers.Binary;
using Viommu.Device.Lifecycle;
using Viommu.Device.Memory;
using Viommu.Device.Wire;

namespace Viommu.Device.Virtqueue;

/// <summary>The device's side of a split virtqueue (section 2.7).</summary>
internal sealed class SplitVirtqueue(IGuestMemory memory, DeviceQueue queue, BufferSegment[] scratch)
    : VirtqueueRing(memory, queue, scratch)
{
    // Section 2.7.5.2: no chain is longer than 2^32 bytes in total.
    private const ulong MaximumBytes = 1UL << 32;

    // All four count modulo 2^16, as the indices in memory do.
    private ushort _availableSeen;
    private ushort _nextAvailable;
    private ushort _nextUsed;
    private ushort _published;

    private bool HasEventIndex => Queue.Has(VirtioFeatures.EventIndex);

    private int SlotMask => Queue.Size - 1;

    public override void Reset() => _availableSeen = _nextAvailable = _nextUsed = _published = 0;

    public override ChainFault TryTake(out DescriptorChain chain, out bool isEmpty)
    {
        chain = default;
        var fault = FindAvailable(out isEmpty);
        if (fault != ChainFault.None || isEmpty) return fault;

        if (!TryReadU16(SplitRing.AvailEntry(_nextAvailable & SlotMask), out ushort head)) return ChainFault.AvailableRingUnreadable;
        fault = Walk(head, out chain);
        if (fault == ChainFault.None) _nextAvailable++;
        return fault;
    }

    // The available index, cut into 15 bits and one.
    public override bool HasReached(ushort announced) => announced == _nextAvailable;

    public override void Save(StateWriter writer)
    {
        writer.U16(_availableSeen);
        writer.U16(_nextAvailable);
        writer.U16(_nextUsed);
    }

    public override Action Load(ref StateReader reader, ushort size)
    {
        int start = reader.Position;
        ushort availableSeen = reader.U16();
        ushort nextAvailable = reader.U16();
        ushort nextUsed = reader.U16();
        // No more chains than descriptors are available or in use.
        if ((ushort)(availableSeen - nextAvailable) + (ushort)(nextAvailable - nextUsed) > size) reader.Fail(StateFault.Unreachable, start);
        return () =>
        {
            Reset();
            _availableSeen = availableSeen;
            _nextAvailable = nextAvailable;
            _nextUsed = _published = nextUsed;
        };
    }

    protected override ChainFault Use(ushort id, uint written, int entries)
    {
        Span<byte> element = stackalloc byte[SplitRing.UsedElementSize];
        BinaryPrimitives.WriteUInt32LittleEndian(element, id);
        BinaryPrimitives.WriteUInt32LittleEndian(element[4..], written);
        ulong offset = SplitRing.UsedEntry(_nextUsed & SlotMask);
        if (!TryWrite(Queue.DeviceArea, offset, element)) return ChainFault.UsedRingUnwritable;
        _nextUsed += (ushort)entries;
        return ChainFault.None;
    }

    protected override ChainFault PublishUsed(out bool isNotificationWanted)
    {
        isNotificationWanted = false;
        ushort before = _published;
        if (before == _nextUsed) return ChainFault.None;
        _published = _nextUsed;

        // SPLIT-USED-D-01: the elements are stored before the index moves.
        // SPLIT-AVAILSUPP-D-01/-03: the flags in front of the index are always 0.
        Span<byte> flagsAndIndex = stackalloc byte[4];
        BinaryPrimitives.WriteUInt16LittleEndian(flagsAndIndex, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(flagsAndIndex[2..], _nextUsed);
        if (!TryWrite(Queue.DeviceArea, SplitRing.UsedFlags, flagsAndIndex)) return ChainFault.UsedRingUnwritable;

        // SPLIT-USEDSUPP-D-01/-04: with EVENT_IDX only used_event counts, without it only the flag.
        ulong offset = HasEventIndex ? SplitRing.UsedEvent(Queue.Size) : SplitRing.AvailFlags;
        if (!TryReadU16(offset, out ushort wish)) return ChainFault.AvailableRingUnreadable;
        isNotificationWanted = HasEventIndex
            // SPLIT-USEDSUPP-D-05/-06: one of the entries [before, _nextUsed) was written at index used_event.
            ? (ushort)(_nextUsed - wish - 1) < (ushort)(_nextUsed - before)
            : (wish & SplitRing.NoInterrupt) == 0;
        return ChainFault.None;
    }

    private ChainFault Walk(ushort head, out DescriptorChain chain)
    {
        chain = default;
        var table = new DescriptorTable(new(Queue.DescriptorArea), Queue.Size);
        var builder = new ChainBuilder(Scratch);
        bool insideIndirect = false;
        uint index = head;
        for (; ; )
        {
            var fault = table.TryRead(Memory, index, out var raw);
            if (fault != ChainFault.None) return fault;
            if (raw.IsIndirect)
            {
                fault = CheckIndirect(raw, insideIndirect);
                if (fault != ChainFault.None) return fault;
                // SPLIT-INDIRECT-D-01: the WRITE flag of a descriptor that refers to a table means nothing.
                // SPLIT-INDIRECT-D-02: direct descriptors may have come before it.
                table = new(new(raw.Address), raw.Length / RawDescriptor.Size);
                insideIndirect = true;
                index = 0;
                continue;
            }

            fault = builder.Add(raw.Address, raw.Length, raw.IsWritable);
            if (fault != ChainFault.None) return fault;
            if (builder.TotalLength > MaximumBytes) return ChainFault.TooManyBytes;
            if (!raw.HasNext) break;
            index = raw.Next;
        }

        chain = builder.Build(head, entries: 1);
        return ChainFault.None;
    }

    private ChainFault CheckIndirect(RawDescriptor raw, bool insideIndirect)
    {
        if (!Queue.Has(VirtioFeatures.IndirectDescriptors)) return ChainFault.IndirectNotNegotiated;
        if (insideIndirect) return ChainFault.IndirectNested;
        if (raw.HasNext) return ChainFault.IndirectWithNext;
        return DescriptorTable.IsLength(raw.Length) ? ChainFault.None : ChainFault.IndirectTableSize;
    }

    private ChainFault FindAvailable(out bool isEmpty)
    {
        isEmpty = false;
        if (_nextAvailable != _availableSeen) return ChainFault.None;
        var fault = ReadAvailableIndex();
        if (fault != ChainFault.None || _nextAvailable != _availableSeen) return fault;

        if (HasEventIndex)
        {
            // The driver may have added a buffer, and found avail_event stale, before this write: hence the second look.
            Span<byte> next = stackalloc byte[2];
            BinaryPrimitives.WriteUInt16LittleEndian(next, _nextAvailable);
            if (!TryWrite(Queue.DeviceArea, SplitRing.AvailEvent(Queue.Size), next)) return ChainFault.UsedRingUnwritable;
            fault = ReadAvailableIndex();
        }

        isEmpty = fault == ChainFault.None && _nextAvailable == _availableSeen;
        return fault;
    }

    private ChainFault ReadAvailableIndex()
    {
        if (!TryReadU16(SplitRing.AvailIndex, out ushort index)) return ChainFault.AvailableRingUnreadable;
        // A chain that was taken keeps its descriptors until it is published as used.
        int room = Queue.Size - (ushort)(_nextAvailable - _published);
        if ((ushort)(index - _nextAvailable) > room) return ChainFault.AvailableIndexJump;
        _availableSeen = index;
        return ChainFault.None;
    }

    private bool TryReadU16(ulong offset, out ushort value)
    {
        Span<byte> bytes = stackalloc byte[2];
        bool read = TryRead(Queue.DriverArea, offset, bytes);
        value = BinaryPrimitives.ReadUInt16LittleEndian(bytes);
        return read;
    }
}
