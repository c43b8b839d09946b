using System.Buffers.Binary;
using Viommu.Device.Lifecycle;
using Viommu.Device.Memory;
using Viommu.Device.Wire;

namespace Viommu.Device.Virtqueue;

/// <summary>The device's side of a packed virtqueue (section 2.8).</summary>
internal sealed class PackedVirtqueue(IGuestMemory memory, DeviceQueue queue, BufferSegment[] scratch)
    : VirtqueueRing(memory, queue, scratch)
{
    // Positions count descriptors over two rounds of the ring, so that they carry the wrap counter: 1 in the first round, 0 in the second.
    private int _nextAvailable;
    private int _nextUsed;
    private int _published;

    // The used descriptor at _published. It is written after all others: the driver looks at no other one before it.
    private ulong _firstUsed;

    private bool HasEventIndex => Queue.Has(VirtioFeatures.EventIndex);

    public override void Reset() => _nextAvailable = _nextUsed = _published = 0;

    public override ChainFault TryTake(out DescriptorChain chain, out bool isEmpty)
    {
        chain = default;
        isEmpty = false;
        var fault = ReadNextFlags(out var flags);
        if (fault != ChainFault.None) return fault;
        if (!IsAvailable(flags, _nextAvailable))
        {
            // The driver may have added a buffer, and found the structure stale, before this write: hence the second look.
            fault = AskForNotification();
            if (fault == ChainFault.None) fault = ReadNextFlags(out flags);
            if (fault != ChainFault.None) return fault;
            isEmpty = !IsAvailable(flags, _nextAvailable);
            if (isEmpty) return ChainFault.None;
        }

        fault = Walk(flags, out chain);
        if (fault == ChainFault.None) _nextAvailable = Advance(_nextAvailable, chain.Entries);
        return fault;
    }

    public override bool HasReached(ushort announced) => announced == Announce(_nextAvailable);

    public override void Save(StateWriter writer)
    {
        writer.U16((ushort)_nextAvailable);
        writer.U16((ushort)_nextUsed);
    }

    public override Action Load(ref StateReader reader, ushort size)
    {
        int start = reader.Position;
        int nextAvailable = reader.U16();
        int nextUsed = reader.U16();
        int round = 2 * size;
        // Positions count over two rounds, and no more descriptors are in use than there are.
        if (nextAvailable >= round || nextUsed >= round) reader.Fail(StateFault.Value, start);
        else if ((nextAvailable - nextUsed + round) % round > size) reader.Fail(StateFault.Unreachable, start);
        return () =>
        {
            Reset();
            _nextAvailable = nextAvailable;
            _nextUsed = _published = nextUsed;
        };
    }

    protected override ChainFault Use(ushort id, uint written, int entries)
    {
        int position = _nextUsed;
        var flags = IsFirstRound(position) ? DescriptorFlags.Available | DescriptorFlags.Used : DescriptorFlags.None;
        if (written > 0) flags |= DescriptorFlags.Write;
        ulong used = RawPackedDescriptor.UsedPart(written, id, flags);
        _nextUsed = Advance(position, entries);
        if (position != _published) return WriteUsed(position, used);
        _firstUsed = used;
        return ChainFault.None;
    }

    protected override ChainFault PublishUsed(out bool isNotificationWanted)
    {
        isNotificationWanted = false;
        int before = _published;
        if (before == _nextUsed) return ChainFault.None;
        _published = _nextUsed;
        var fault = WriteUsed(before, _firstUsed);
        if (fault != ChainFault.None) return fault;

        Span<byte> wish = stackalloc byte[EventSuppression.Size];
        if (!TryRead(Queue.DriverArea, 0, wish)) return ChainFault.DriverEventUnreadable;
        int flags = BinaryPrimitives.ReadUInt16LittleEndian(wish[2..]) & EventSuppression.FlagsMask;
        isNotificationWanted = flags switch
        {
            EventSuppression.Disable => false,
            EventSuppression.Descriptor when HasEventIndex => HasPassed(BinaryPrimitives.ReadUInt16LittleEndian(wish), before),
            // Enabled. What the driver must not write is no reason to leave it without notifications.
            _ => true,
        };
        return ChainFault.None;
    }

    private ChainFault Walk(DescriptorFlags headFlags, out DescriptorChain chain)
    {
        chain = default;
        int position = _nextAvailable;
        // A descriptor that was taken stays the device's until it is published as used.
        int room = Queue.Size - Distance(_published, position);
        if (room == 0) return ChainFault.AvailableBeforeUsed;
        var fault = ReadHead(headFlags, out var raw);
        if (fault != ChainFault.None) return fault;

        var builder = new ChainBuilder(Scratch);
        if (raw.IsIndirect)
        {
            fault = WalkTable(raw, ref builder);
            if (fault != ChainFault.None) return fault;
            chain = builder.Build(raw.BufferId, entries: 1);
            return ChainFault.None;
        }

        int entries = 1;
        for (; ; entries++)
        {
            fault = builder.Add(raw.Address, raw.Length, raw.IsWritable);
            if (fault != ChainFault.None) return fault;
            if (!raw.HasNext) break;
            if (entries == Queue.Size) return ChainFault.TooLong;
            if (entries == room) return ChainFault.AvailableBeforeUsed;
            position = Advance(position, 1);
            if (!TryRead(Queue.DescriptorArea, (uint)Slot(position), out raw)) return ChainFault.TableUnreadable;
            if (!IsAvailable(raw.Flags, position)) return ChainFault.NextNotAvailable;
            // PACKED-INDIRECT-V-04.
            if (raw.IsIndirect) return ChainFault.IndirectWithNext;
        }

        // Section 2.8.6: the last descriptor of a list has the buffer ID.
        chain = builder.Build(raw.BufferId, entries);
        return ChainFault.None;
    }

    // Section 2.8.7: of an indirect descriptor WRITE is ignored, of those in its table everything else but address and length.
    private ChainFault WalkTable(RawPackedDescriptor indirect, ref ChainBuilder builder)
    {
        if (!Queue.Has(VirtioFeatures.IndirectDescriptors)) return ChainFault.IndirectNotNegotiated;
        if (indirect.HasNext) return ChainFault.IndirectWithNext;
        if (!DescriptorTable.IsLength(indirect.Length)) return ChainFault.IndirectTableSize;
        uint count = indirect.Length / RawPackedDescriptor.Size;
        for (uint index = 0; index < count; index++)
        {
            if (!TryRead(indirect.Address, index, out var raw)) return ChainFault.TableUnreadable;
            var fault = builder.Add(raw.Address, raw.Length, raw.IsWritable);
            if (fault != ChainFault.None) return fault;
        }

        return ChainFault.None;
    }

    private ChainFault AskForNotification()
    {
        Span<byte> wish = stackalloc byte[EventSuppression.Size];
        BinaryPrimitives.WriteUInt16LittleEndian(wish, HasEventIndex ? Announce(_nextAvailable) : (ushort)0);
        BinaryPrimitives.WriteUInt16LittleEndian(wish[2..], HasEventIndex ? EventSuppression.Descriptor : EventSuppression.Enable);
        return TryWrite(Queue.DeviceArea, 0, wish) ? ChainFault.None : ChainFault.DeviceEventUnwritable;
    }

    private bool HasPassed(ushort awaited, int before)
    {
        int offset = awaited & ~EventSuppression.Wrap;
        if (offset >= Queue.Size) return false;
        int position = (awaited & EventSuppression.Wrap) != 0 ? offset : offset + Queue.Size;
        return Distance(before, position) < Distance(before, _nextUsed);
    }

    // The flags say whether the rest is there, so they are read before it, and not again with it.
    private ChainFault ReadNextFlags(out DescriptorFlags flags)
    {
        Span<byte> bytes = stackalloc byte[2];
        ulong offset = Offset(Slot(_nextAvailable)) + RawPackedDescriptor.FlagsOffset;
        bool read = TryRead(Queue.DescriptorArea, offset, bytes);
        flags = (DescriptorFlags)BinaryPrimitives.ReadUInt16LittleEndian(bytes);
        return read ? ChainFault.None : ChainFault.TableUnreadable;
    }

    private ChainFault ReadHead(DescriptorFlags flags, out RawPackedDescriptor head)
    {
        Span<byte> bytes = stackalloc byte[RawPackedDescriptor.FlagsOffset];
        bool read = TryRead(Queue.DescriptorArea, Offset(Slot(_nextAvailable)), bytes);
        head = RawPackedDescriptor.Decode(bytes, flags);
        return read ? ChainFault.None : ChainFault.TableUnreadable;
    }

    private bool TryRead(ulong table, uint index, out RawPackedDescriptor descriptor)
    {
        Span<byte> bytes = stackalloc byte[RawPackedDescriptor.Size];
        bool read = TryRead(table, Offset((int)index), bytes);
        descriptor = RawPackedDescriptor.Decode(bytes);
        return read;
    }

    private ChainFault WriteUsed(int position, ulong used)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, used);
        ulong offset = Offset(Slot(position)) + RawPackedDescriptor.UsedPartOffset;
        return TryWrite(Queue.DescriptorArea, offset, bytes) ? ChainFault.None : ChainFault.DescriptorRingUnwritable;
    }

    // Section 2.8.1: AVAIL is the wrap counter and USED its inverse.
    private bool IsAvailable(DescriptorFlags flags, int position) =>
        (flags & (DescriptorFlags.Available | DescriptorFlags.Used)) ==
        (IsFirstRound(position) ? DescriptorFlags.Available : DescriptorFlags.Used);

    private static ulong Offset(int index) => (ulong)index * RawPackedDescriptor.Size;

    private bool IsFirstRound(int position) => position < Queue.Size;

    private int Slot(int position) => IsFirstRound(position) ? position : position - Queue.Size;

    // As the event suppression structures and notifications have it: an offset, and the wrap counter in bit 15.
    private ushort Announce(int position) => (ushort)(Slot(position) | (IsFirstRound(position) ? EventSuppression.Wrap : 0));

    private int Advance(int position, int by)
    {
        int next = position + by;
        return next < 2 * Queue.Size ? next : next - (2 * Queue.Size);
    }

    private int Distance(int from, int to) => to >= from ? to - from : to - from + (2 * Queue.Size);
}
