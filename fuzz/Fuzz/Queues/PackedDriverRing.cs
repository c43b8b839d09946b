using System.Buffers.Binary;
using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Queues;

/// <summary>A packed ring (2.8).</summary>
internal sealed class PackedDriverRing(ShadowedMemory memory) : DriverRing(memory)
{
    private const ushort Available = 1 << 7;
    private const ushort Used = 1 << 15;
    private const ushort Both = Available | Used;
    private const ushort Enable = 0;
    private const ushort Disable = 1;
    private const ushort ForDescriptor = 2;

    // The descriptors as both sides have left them.
    private readonly byte[] _shadow = new byte[DescriptorSize * QueueLayout.LargestSize];

    // Positions count descriptors over two rounds of the ring, the first of which is that of wrap counter 1.
    private int _nextAvailable;
    private int _nextUsed;
    private int _nextWatched;
    private int _free;

    // The head of the first list that was not published yet; its flags come last.
    private int _unpublished = -1;
    private ushort _unpublishedFlags;

    public override ushort Position => Announce(_nextAvailable);

    public override int DevicePosition => Flags(_nextUsed);

    public override (string Missing, string Unwanted) NotificationClauses => Get16(QueueLayout.DriverArea + 2) switch
    {
        Enable => ("DESC-PACKED-08", ""),
        Disable => ("", "DESC-PACKED-09"),
        _ => ("DESC-PACKED-10", "DESC-PACKED-11"),
    };

    public override string LateElementClause => "PACKED-DESC-D-04";

    public override string LateAnswerClause => "DESC-PACKED-05";

    // The address in it means nothing (2.8.5).
    protected override ReadOnlySpan<byte> DueElement => Descriptor(_nextUsed)[8..];

    public override void Begin(int place, int size, ulong negotiated)
    {
        base.Begin(place, size, negotiated);
        (_nextAvailable, _nextUsed, _free, _unpublished) = (0, 0, size, -1);
        _shadow.AsSpan().Clear();
    }

    public override bool HasRoom(int entries) => entries <= _free;

    public override void Publish()
    {
        if (_unpublished < 0) return;
        BinaryPrimitives.WriteUInt16LittleEndian(Descriptor(_unpublished)[14..], _unpublishedFlags);
        Remember(_unpublished);
        _unpublished = -1;
    }

    public override void AddMalformed(LentRequest request, int kind)
    {
        // A buffer where no memory is; a table that is no whole number of entries; one that refers to a list behind it.
        ulong buffer = kind == 0 ? Unreachable : QueueLayout.At(QueueLayout.Table(request.Slot));
        ushort flags = kind switch { 0 => 0, 1 => Indirect, _ => Indirect | Next };
        Put(0, new(0, kind == 1 ? DescriptorSize - 1 : DescriptorSize, false), flags, (ushort)request.Slot);
        BinaryPrimitives.WriteUInt64LittleEndian(Descriptor(_nextAvailable), buffer);
        _free--;
        _nextAvailable = Ahead(_nextAvailable, 1);
    }

    public override bool WantsNotification(ushort since)
    {
        ushort flags = Get16(QueueLayout.DeviceArea + 2);
        if (flags == Disable) return false;
        if (flags != ForDescriptor || !HasEventIdx) return true;
        int from = PositionOf(since);
        return Distance(from, PositionOf(Get16(QueueLayout.DeviceArea))) < Distance(from, _nextAvailable);
    }

    public override void Suppress(int mode, int ahead)
    {
        int how = mode % (HasEventIdx ? 3 : 2);
        Put16(QueueLayout.DriverArea, Announce((((_nextUsed + ahead) % (2 * Size)) + (2 * Size)) % (2 * Size)));
        Put16(QueueLayout.DriverArea + 2, (ushort)how);
    }

    public override string? JudgeDeviceFlags()
    {
        ushort flags = Get16(QueueLayout.DeviceArea + 2);
        bool isDefined = flags is Enable or Disable || (flags == ForDescriptor && HasEventIdx && (Get16(QueueLayout.DeviceArea) & 0x7fff) < Size);
        return isDefined ? null : "DESC-PACKED-12";
    }

    public override string? JudgeRest() => Bytes(0, DescriptorSize * Size).SequenceEqual(_shadow.AsSpan(0, DescriptorSize * Size)) ? null : "PACKED-DESC-D-04";

    public override bool TryReadUsed(out ushort id, out uint length, out bool isWritten)
    {
        var element = Descriptor(_nextUsed);
        ushort flags = Flags(_nextUsed);
        id = BinaryPrimitives.ReadUInt16LittleEndian(element[12..]);
        // 2.8.4: without the flag nothing was written, and the length means nothing.
        isWritten = (flags & Write) != 0;
        length = isWritten ? BinaryPrimitives.ReadUInt32LittleEndian(element[8..]) : 0;
        return IsUsed(_nextUsed);
    }

    protected override void WatchFromHere() => _nextWatched = _nextUsed;

    protected override bool TryWatchNext()
    {
        if (!IsUsed(_nextWatched)) return false;
        var element = Descriptor(_nextWatched);
        var request = Find(BinaryPrimitives.ReadUInt16LittleEndian(element[12..]));
        bool isWritten = (Flags(_nextWatched) & Write) != 0;
        Record(element[8..], request, isWritten ? BinaryPrimitives.ReadUInt32LittleEndian(element[8..]) : 0);
        // Where the next one would be, only what was used here says.
        _nextWatched = Ahead(_nextWatched, request?.Entries ?? 0);
        return request is not null;
    }

    public override void Advance(int requests, int entries)
    {
        int distance = Distance(_nextUsed, PositionOf(Get16(QueueLayout.DriverArea)));
        Note(distance == 0, distance > 0 && distance < entries);
        Remember(_nextUsed);
        _free += entries;
        _nextUsed = Ahead(_nextUsed, entries);
    }

    protected override bool? IsDue(bool isMet, bool isPassed) => Get16(QueueLayout.DriverArea + 2) switch
    {
        Enable => true,
        Disable => false,
        _ => isMet ? true : isPassed ? null : false,
    };

    protected override void Describe(LentRequest request, Cutting cutting)
    {
        var pieces = cutting.Pieces;
        request.Id = (ushort)request.Slot;
        for (int i = 0; i < cutting.Direct; i++)
        {
            bool isLast = i == request.Entries - 1;
            // 2.8.6: the Buffer ID of the last descriptor counts.
            ushort id = isLast ? request.Id : (ushort)(request.Id ^ 0x2a);
            Put(i, pieces[i], (ushort)((pieces[i].IsWritable ? Write : 0) | (isLast ? 0 : Next)), id);
        }

        if (cutting.IsInTable)
        {
            int table = QueueLayout.Table(request.Slot);
            for (int i = 0; i < pieces.Length; i++) PutEntry(table + (DescriptorSize * i), pieces[i], cutting.Kind == CutKind.OddTable, i);
            ushort write = cutting.Kind == CutKind.WritableTable ? Write : (ushort)0;
            Put(0, new(table, DescriptorSize * pieces.Length, false), (ushort)(Indirect | write), request.Id);
        }

        _free -= request.Entries;
        _nextAvailable = Ahead(_nextAvailable, request.Entries);
    }

    // 2.8.7: of the flags of an entry only WRITE counts, and its Buffer ID means nothing.
    private void PutEntry(int offset, Piece piece, bool isOdd, int number)
    {
        ushort odd = isOdd ? (ushort)(Next | ((number & 1) == 0 ? Available : Used)) : (ushort)0;
        Put(Anywhere(offset, DescriptorSize), piece, (ushort)((piece.IsWritable ? Write : 0) | odd), isOdd ? (ushort)(0x1234 + number) : (ushort)0);
    }

    private void Put(int ahead, Piece piece, ushort flags, ushort id)
    {
        int position = Ahead(_nextAvailable, ahead);
        flags |= IsFirstRound(position) ? Available : Used;
        if (_unpublished >= 0 || ahead > 0) Put(Descriptor(position), piece, flags, id);
        else
        {
            // As it was for the device: used in the round before.
            Put(Descriptor(position), piece, IsFirstRound(position) ? (ushort)0 : Both, id);
            (_unpublished, _unpublishedFlags) = (position, flags);
        }

        Remember(position);
    }

    private static void Put(Span<byte> descriptor, Piece piece, ushort flags, ushort id)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(descriptor, QueueLayout.At(piece.Offset));
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor[8..], (uint)piece.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[12..], id);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[14..], flags);
    }

    private void Remember(int position) => Descriptor(position).CopyTo(_shadow.AsSpan(DescriptorSize * Slot(position)));

    private Span<byte> Descriptor(int position) => Bytes(DescriptorSize * Slot(position), DescriptorSize);

    private ushort Flags(int position) => BinaryPrimitives.ReadUInt16LittleEndian(Descriptor(position)[14..]);

    // 2.8.1: AVAIL and USED are both what the wrap counter is. Nothing that a driver writes, or has left from earlier rounds, looks like that.
    private bool IsUsed(int position) => (Flags(position) & Both) == (IsFirstRound(position) ? Both : 0);

    private bool IsFirstRound(int position) => position < Size;

    private int Slot(int position) => IsFirstRound(position) ? position : position - Size;

    private int Ahead(int position, int by) => (position + by) % (2 * Size);

    private int Distance(int from, int to) => (to - from + (2 * Size)) % (2 * Size);

    private ushort Announce(int position) => (ushort)(Slot(position) | (IsFirstRound(position) ? 0x8000 : 0));

    private int PositionOf(ushort announced) => ((announced & 0x7fff) % Size) + ((announced & 0x8000) != 0 ? 0 : Size);
}
