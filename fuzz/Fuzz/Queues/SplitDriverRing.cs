using System.Buffers.Binary;
using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Queues;

/// <summary>A split ring (2.7).</summary>
internal sealed class SplitDriverRing(ShadowedMemory memory) : DriverRing(memory)
{
    private const ushort NoInterrupt = 1;
    private const int ElementSize = 8;

    private readonly ushort[] _free = new ushort[QueueLayout.LargestSize];
    private int _freeCount;
    private ushort _available;
    private ushort _nextUsed;
    private ushort _nextWatched;

    public override ushort Position => _available;

    public override int DevicePosition => Get16(QueueLayout.DeviceArea + 2);

    public override (string Missing, string Unwanted) NotificationClauses =>
        HasEventIdx ? ("SPLIT-USEDSUPP-D-05", "SPLIT-USEDSUPP-D-06") : ("SPLIT-USEDSUPP-D-03", "SPLIT-USEDSUPP-D-02");

    public override string LateElementClause => "SPLIT-USED-D-01";

    public override string LateAnswerClause => "SPLIT-USED-D-02";

    protected override ReadOnlySpan<byte> DueElement => Bytes(Element(_nextUsed), ElementSize);

    private int UsedEvent => QueueLayout.DriverArea + 4 + (2 * Size);

    private int AvailableEvent => QueueLayout.DeviceArea + 4 + (ElementSize * Size);

    public override void Begin(int place, int size, ulong negotiated)
    {
        base.Begin(place, size, negotiated);
        GoOn(0);
    }

    /// <summary>Nothing is outstanding, and so many requests were served.</summary>
    public void GoOn(ushort served)
    {
        Forget();
        _available = _nextUsed = served;
        _freeCount = Size;
        // Not in their order: a chain goes on by next, wherever that leads.
        for (int i = 0; i < Size; i++) _free[i] = (ushort)((5 * i + 3) % Size);
        Expect();
    }

    public override bool HasRoom(int entries) => entries <= _freeCount;

    public override void Publish() => Put16(QueueLayout.DriverArea + 2, _available);

    public override void AddMalformed(LentRequest request, int kind)
    {
        ushort slot = _free[--_freeCount];
        ulong buffer = kind == 2 ? Unreachable : QueueLayout.At(QueueLayout.Readable(request.Slot));
        // A chain that leads to itself; a head outside the table; a buffer where no memory is.
        Put(Bytes(DescriptorSize * slot, DescriptorSize), buffer, request.ReadableLength, kind == 0 ? Next : (ushort)0, slot);
        Put16(QueueLayout.DriverArea + 4 + (2 * (_available % Size)), kind == 1 ? (ushort)Size : slot);
        _available++;
    }

    public override bool WantsNotification(ushort since)
    {
        if (!HasEventIdx) return (Get16(QueueLayout.DeviceArea) & 1) == 0;
        return (ushort)(_available - Get16(AvailableEvent) - 1) < (ushort)(_available - since);
    }

    public override void Suppress(int mode, int ahead)
    {
        // With EVENT_IDX the flags mean nothing, without it used_event.
        Put16(QueueLayout.DriverArea, (ushort)(mode & NoInterrupt));
        Put16(UsedEvent, (ushort)(_nextUsed + ahead));
    }

    public override string? JudgeDeviceFlags()
    {
        ushort flags = Get16(QueueLayout.DeviceArea);
        return HasEventIdx ? flags == 0 ? null : "SPLIT-AVAILSUPP-D-03" : flags <= 1 ? null : "SPLIT-AVAILSUPP-D-01";
    }

    public override bool TryReadUsed(out ushort id, out uint length, out bool isWritten)
    {
        id = 0;
        length = 0;
        isWritten = false;
        if (DevicePosition == _nextUsed) return false;
        uint head = BinaryPrimitives.ReadUInt32LittleEndian(DueElement);
        id = head < Size ? (ushort)head : ushort.MaxValue;
        length = BinaryPrimitives.ReadUInt32LittleEndian(DueElement[4..]);
        isWritten = length > 0;
        return true;
    }

    protected override void WatchFromHere() => _nextWatched = _nextUsed;

    protected override bool TryWatchNext()
    {
        if (DevicePosition == _nextWatched) return false;
        var element = Bytes(Element(_nextWatched++), ElementSize);
        uint head = BinaryPrimitives.ReadUInt32LittleEndian(element);
        Record(element, head < Size ? Find((ushort)head) : null, BinaryPrimitives.ReadUInt32LittleEndian(element[4..]));
        return true;
    }

    public override void Take(LentRequest request)
    {
        base.Take(request);
        for (int i = 0; i < request.Entries; i++) _free[_freeCount++] = request.Taken[i];
    }

    public override void Advance(int requests, int entries)
    {
        int distance = (ushort)(Get16(UsedEvent) - _nextUsed);
        Note(distance == 0, distance > 0 && distance < requests);
        _nextUsed += (ushort)requests;
    }

    protected override bool? IsDue(bool isMet, bool isPassed)
    {
        if (!HasEventIdx) return (Get16(QueueLayout.DriverArea) & NoInterrupt) == 0;
        return isMet ? true : isPassed ? null : false;
    }

    protected override void Describe(LentRequest request, Cutting cutting)
    {
        for (int i = 0; i < request.Entries; i++) request.Taken[i] = _free[--_freeCount];
        var pieces = cutting.Pieces;
        for (int i = 0; i < cutting.Direct; i++)
        {
            bool isLast = i == request.Entries - 1;
            Put(Bytes(DescriptorSize * request.Taken[i], DescriptorSize), QueueLayout.At(pieces[i].Offset), pieces[i].Length, Flags(pieces[i], isLast), isLast ? (ushort)0 : request.Taken[i + 1]);
        }

        if (cutting.IsInTable) DescribeTable(request, cutting, pieces[cutting.Direct..]);
        request.Id = request.Taken[0];
        Put16(QueueLayout.DriverArea + 4 + (2 * (_available % Size)), request.Id);
        _available++;
    }

    private void DescribeTable(LentRequest request, Cutting cutting, ReadOnlySpan<Piece> pieces)
    {
        int table = QueueLayout.Table(request.Slot);
        bool isOdd = cutting.Kind == CutKind.OddTable;
        for (int i = 0; i < pieces.Length; i++)
        {
            bool isLast = i == pieces.Length - 1;
            ushort next = isLast ? (ushort)0 : (ushort)At(i + 1);
            Put(Anywhere(table + (DescriptorSize * At(i)), DescriptorSize), QueueLayout.At(pieces[i].Offset), pieces[i].Length, Flags(pieces[i], isLast), next);
        }

        // What the descriptor before it leads to.
        ushort write = cutting.Kind == CutKind.WritableTable ? Write : (ushort)0;
        Put(Bytes(DescriptorSize * request.Taken[cutting.Direct], DescriptorSize), QueueLayout.At(table), DescriptorSize * pieces.Length, (ushort)(Indirect | write), 0);

        // The first entry of a table heads the chain; the others go backwards.
        int At(int i) => isOdd && i > 0 ? cutting.Pieces.Length - cutting.Direct - i : i;
    }

    private static ushort Flags(Piece piece, bool isLast) => (ushort)((piece.IsWritable ? Write : 0) | (isLast ? 0 : Next));

    private static void Put(Span<byte> descriptor, ulong address, int length, ushort flags, ushort next)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(descriptor, address);
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor[8..], (uint)length);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[12..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[14..], next);
    }

    private int Element(int index) => QueueLayout.DeviceArea + 4 + (ElementSize * (index % Size));
}
