using System.Buffers.Binary;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports.Judging;

/// <summary>
/// A split ring as a driver that behaves keeps it: chains go out, and what comes back is held to what went out. Where it is, registers say.
/// </summary>
internal sealed class DrivenRing(ShadowedMemory memory, int queue)
{
    /// <summary>The most descriptors that a ring has.</summary>
    public const int MaximumSize = 64;

    /// <summary>Places that a ring can be at; no two rings share one.</summary>
    public const int Places = 2;

    private const int RingLength = 0x2000;
    private const int First = 0x1000;
    private const int Readable = 0xa000;
    private const int Writable = 0xb000;
    private const int BufferSize = 64;
    private const int FaultSize = 24;
    private const ushort Next = 1;
    private const ushort Write = 2;

    private static readonly byte[] _request = Requests.Attach(1, TestBed.FirstEndpoint);

    private ulong _features;
    private ushort _notified;
    private ulong _inFlight;

    /// <summary>Number of descriptors.</summary>
    public int Size { get; private set; }

    /// <summary>Where the descriptor table is, as an offset into memory.</summary>
    public int Descriptors { get; private set; }

    /// <summary>Where the available ring is, likewise.</summary>
    public int Available { get; private set; }

    /// <summary>Where the used ring is, likewise.</summary>
    public int Used { get; private set; }

    /// <summary>Chains made available since the ring was made, modulo 65536.</summary>
    public ushort Offered { get; private set; }

    /// <summary>Chains that have come back.</summary>
    public ushort Returned { get; private set; }

    /// <summary>True for an empty ring of a driver that has negotiated those features.</summary>
    public bool IsNewFor(ulong features) => Size > 0 && Returned == 0 && _features == features;

    /// <summary>Answers to requests that are looked at have this status.</summary>
    public bool IsQueueOfRequests => queue == 0;

    /// <summary>There is no room for another chain.</summary>
    public bool IsFull => Outstanding >= Size / Stride;

    private int Stride => IsQueueOfRequests ? 2 : 1;

    private int Outstanding => (ushort)(Offered - Returned);

    private bool Has(ulong feature) => (_features & feature) != 0;

    /// <summary>
    /// An empty ring at a place of its own, as drivers with those features keep it; the used ring starts at a multiple of
    /// <paramref name="alignment"/> behind the available ring.
    /// </summary>
    public void Make(int place, int size, ulong features, int alignment)
    {
        _features = features;
        Size = size;
        Descriptors = First + (((queue * Places) + place) * RingLength);
        Available = Descriptors + (16 * size);
        Used = UsedAt(alignment);
        memory.Bytes.Slice(Descriptors, RingLength).Clear();
        Offered = Returned = _notified = 0;
        _inFlight = 0;
        Want(true);
    }

    /// <summary>Where the used ring is with that alignment, behind the available ring.</summary>
    public int UsedAt(int alignment) => (Available + 4 + (2 * Size) + 2 + alignment - 1) / alignment * alignment;

    /// <summary>There is no ring.</summary>
    public void Forget() => Size = 0;

    /// <summary>Makes chains available, as many as there is room for.</summary>
    public void Offer(int count)
    {
        for (; count > 0 && !IsFull; count--)
        {
            int head = HeadOf(Offered);
            PutChain(head);
            Put16(Available + 4 + (2 * (Offered % Size)), (ushort)head);
            Put16(Available + 2, ++Offered);
            _inFlight |= 1UL << head;
        }
    }

    /// <summary>Makes a chain available that there is not.</summary>
    public void OfferWild()
    {
        Put16(Available + 4 + (2 * (Offered % Size)), 0xffff);
        Put16(Available + 2, ++Offered);
    }

    /// <summary>True where the device has used anything that was not taken yet.</summary>
    public bool HasUsed => Get16(Used + 2) != Returned;

    /// <summary>
    /// Asks for a notification of what comes back next, or for none. What the device is to ignore says the opposite: used_event without EVENT_IDX
    /// (SPLIT-USEDSUPP-D-01), and with it the flags (SPLIT-USEDSUPP-D-04).
    /// </summary>
    public void Want(bool isWanted)
    {
        bool isByEvent = isWanted == Has(Features.EventIdx);
        Put16(Available, isByEvent ? (ushort)1 : (ushort)0);
        Put16(Available + 4 + (2 * Size), (ushort)(isByEvent ? Returned : Returned - 1));
    }

    /// <summary>Whether the device asks to be notified of what was made available since it was last.</summary>
    public bool IsNotificationWanted => Has(Features.EventIdx)
        ? (ushort)(Offered - Get16(Used + 4 + (8 * Size)) - 1) < (ushort)(Offered - _notified)
        : (Get16(Used) & 1) == 0;

    /// <summary>The device was notified at a time when it had to take notice.</summary>
    public void Notified() => _notified = Offered;

    /// <summary>What notifies the device of all that was made available, with NOTIFICATION_DATA where that is negotiated.</summary>
    public uint Notification => Has(Features.NotificationData) ? ((uint)Offered << 16) | (uint)queue : (uint)queue;

    /// <summary>Takes what has come back; true where it was anything. <paramref name="isWanted"/> where a notification of that was asked for.</summary>
    public bool TryTake(out bool isWanted)
    {
        isWanted = false;
        if (Size == 0) return false;
        ushort flags = Get16(Used);
        if (flags != 0 && (Has(Features.EventIdx) || flags > 1))
            Broken.Rule(Has(Features.EventIdx) ? "SPLIT-AVAILSUPP-D-03" : "SPLIT-AVAILSUPP-D-01", "", $"the flags of the used ring of queue {queue} are 0x{flags:x}");
        ushort index = Get16(Used + 2);
        if (index == Returned) return false;
        ushort count = (ushort)(index - Returned);
        if (count > Outstanding) Broken.Rule("used-index-counts-buffers", "", $"queue {queue} has used {count} chains of {Outstanding}");
        isWanted = Has(Features.EventIdx) ? (ushort)(index - Get16(Available + 4 + (2 * Size)) - 1) < count : Get16(Available) == 0;
        while (Returned != index) TakeElement(index);
        // LEGACY-RSVD-D-02: of having nothing left drivers are told, whatever they asked for.
        isWanted |= Has(Features.NotifyOnEmpty) && Outstanding == 0;
        return true;
    }

    private void TakeElement(ushort index)
    {
        int element = Used + 4 + (8 * (Returned % Size));
        uint head = Get32(element);
        if (head >= Size || (_inFlight & (1UL << (int)head)) == 0) Broken.Rule("used-id-is-the-head", "", $"queue {queue} has used chain {head}, which was not available");
        if (Has(Features.InOrder)) SkipTo(head, index);
        Returned++;
        _inFlight &= ~(1UL << (int)head);
        uint length = Get32(element + 4);
        if (length > (IsQueueOfRequests ? Requests.TailSize : FaultSize)) Broken.Rule("used-length-within-writable", "", $"queue {queue} has used {length} bytes");
        if (!IsQueueOfRequests) return;
        if (length != Requests.TailSize) Broken.Rule("requests-are-answered", "length", $"ATTACH is answered with used length {length}");
        byte status = memory.Bytes[WritableOf((int)head)];
        if (status != 0) Broken.Rule("requests-are-answered", "status", $"ATTACH is answered by status {status}");
    }

    // Section 2.7.9: with IN_ORDER one element stands for a batch, by the chain that is the last of it.
    private void SkipTo(uint head, ushort index)
    {
        for (int inOrder = HeadOf(Returned); inOrder != head; inOrder = HeadOf(++Returned))
        {
            _inFlight &= ~(1UL << inOrder);
            if ((ushort)(Returned + 1) == index) Broken.Rule("CORE-RSVD-D-05", "", $"queue {queue} has used chain {head}, which is not among those that come next");
        }
    }

    private int HeadOf(ushort at) => at * Stride % Size;

    private void PutChain(int head)
    {
        int writable = WritableOf(head);
        memory.Bytes[writable] = 0xa5;
        if (!IsQueueOfRequests)
        {
            PutDescriptor(head, writable, FaultSize, Write, 0);
            return;
        }

        _request.CopyTo(memory.Bytes[Readable..]);
        PutDescriptor(head, Readable, _request.Length, Next, (ushort)(head + 1));
        PutDescriptor(head + 1, writable, Requests.TailSize, Write, 0);
    }

    private int WritableOf(int head) => Writable + (((queue * MaximumSize) + head) * BufferSize);

    private void PutDescriptor(int index, int buffer, int length, ushort flags, ushort next)
    {
        var descriptor = memory.Bytes.Slice(Descriptors + (16 * index), 16);
        BinaryPrimitives.WriteUInt64LittleEndian(descriptor, ShadowedMemory.First + (uint)buffer);
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor[8..], (uint)length);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[12..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[14..], next);
    }

    private void Put16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(memory.Bytes[offset..], value);

    private ushort Get16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(memory.Bytes[offset..]);

    private uint Get32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(memory.Bytes[offset..]);
}
