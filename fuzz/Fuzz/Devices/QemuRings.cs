using System.Buffers.Binary;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;

namespace Viommu.Fuzz.Devices;

/// <summary>
/// The two split rings of a device behind a socket, in memory that both processes map: many requests are made available with nothing but
/// stores, and what came back is read the same way. Each request has a place of its own, with guard bytes around its writable part.
/// </summary>
internal sealed class QemuRings
{
    /// <summary>Descriptors of the request queue.</summary>
    public const ushort RequestQueueSize = Places * DescriptorsOfPlace;

    /// <summary>Descriptors of the event queue.</summary>
    public const ushort EventQueueSize = 64;

    /// <summary>Requests that can be on their way at once.</summary>
    public const int Places = 64;

    private const int DescriptorsOfPlace = 4;
    private const int DescriptorSize = 16;
    private const int FaultSize = 24;

    // A place: an indirect table, the readable part, the writable part, which ends where its room ends.
    private const int PlaceSize = 0x1000;
    private const int ReadableOffset = 0x100;
    private const int WritableEnd = 0xc00;
    private const int Guard = 16;

    private const ushort Next = 1;
    private const ushort Write = 2;
    private const ushort Indirect = 4;

    private readonly IGuestRam _ram;
    private readonly ulong _descriptors;
    private readonly ulong _available;
    private readonly ulong _used;
    private readonly ulong _eventDescriptors;
    private readonly ulong _eventAvailable;
    private readonly ulong _eventUsed;
    private readonly ulong _places;
    private readonly ulong _eventBuffers;
    private readonly int[] _writable = new int[Places];
    private readonly byte[] _part = new byte[RequestMachine.MaximumWritable + (2 * Guard)];
    private ushort _sent;
    private ushort _taken;
    private ushort _eventsTaken;

    public QemuRings(IGuestRam ram, GuestHeap heap)
    {
        _ram = ram;
        (_descriptors, _available, _used) = Ring(heap, RequestQueueSize);
        (_eventDescriptors, _eventAvailable, _eventUsed) = Ring(heap, EventQueueSize);
        _places = heap.Allocate(Places * PlaceSize, PlaceSize);
        _eventBuffers = heap.Allocate(EventQueueSize * FaultSize, PlaceSize);
    }

    public QueueAddresses Requests => new(_descriptors, _available, _used);

    public QueueAddresses Events => new(_eventDescriptors, _eventAvailable, _eventUsed);

    /// <summary>Requests that were made available and not taken back.</summary>
    public int Outstanding => (ushort)(_sent - _taken);

    /// <summary>True where the device has returned everything.</summary>
    public bool IsAllReturned => Read16(_used + 2) == _sent;

    /// <summary>True where the device has returned the next request.</summary>
    public bool HasNext => Read16(_used + 2) != _taken;

    /// <summary>The next answer's whole writable part, once it was taken.</summary>
    public ReadOnlySpan<byte> Reply => _part.AsSpan(Guard, _replyLength);

    private int _replyLength;

    /// <summary>As before the queues are enabled; every event buffer is offered.</summary>
    public void Clear()
    {
        (_sent, _taken, _eventsTaken) = (0, 0, 0);
        _ram.Write(_available, new byte[6 + (2 * RequestQueueSize)]);
        _ram.Write(_used, new byte[6 + (8 * RequestQueueSize)]);
        _ram.Write(_eventUsed, new byte[6 + (8 * EventQueueSize)]);
        var available = new byte[6 + (2 * EventQueueSize)];
        BinaryPrimitives.WriteUInt16LittleEndian(available.AsSpan(2), EventQueueSize);
        for (int i = 0; i < EventQueueSize; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(available.AsSpan(4 + (2 * i)), (ushort)i);
            PutDescriptor(_eventDescriptors, i, _eventBuffers + (ulong)(i * FaultSize), FaultSize, Write, 0);
        }

        _ram.Write(_eventAvailable, available);
    }

    /// <summary>Puts a request into the next place; the device sees it after <see cref="Publish"/>. At least one part must not be empty.</summary>
    public void Put(ReadOnlySpan<byte> readable, int writable, Framing framing)
    {
        int place = _sent % Places;
        ulong room = _places + (ulong)(place * PlaceSize);
        if (!readable.IsEmpty) _ram.Write(room + ReadableOffset, readable);
        var poison = _part.AsSpan(0, writable + (2 * Guard));
        poison.Fill(GuardedBuffer.Poison);
        _ram.Write(room + WritableEnd - (ulong)(writable + Guard), poison);
        _writable[place] = writable;
        PutChain(place, room, readable.Length, writable, framing);
        Write16(_available + 4 + (2u * (uint)(_sent % RequestQueueSize)), HeadOf(place));
        _sent++;
    }

    /// <summary>Makes what was put available.</summary>
    public void Publish()
    {
        Thread.MemoryBarrier();
        Write16(_available + 2, _sent);
        Thread.MemoryBarrier();
    }

    /// <summary>
    /// Takes the next request back; its used length. Requests are expected in the order in which they were sent, which
    /// <paramref name="isInOrder"/> denies: the device is free in that, and whoever batches has to stop doing so.
    /// </summary>
    public uint Take(out bool isInOrder, out bool isGuarded)
    {
        int place = _taken % Places;
        Span<byte> element = stackalloc byte[8];
        _ram.Read(_used + 4 + (8u * (uint)(_taken % RequestQueueSize)), element);
        isInOrder = BinaryPrimitives.ReadUInt32LittleEndian(element) == HeadOf(place);
        _replyLength = _writable[place];
        var part = _part.AsSpan(0, _replyLength + (2 * Guard));
        _ram.Read(_places + (ulong)(place * PlaceSize) + WritableEnd - (ulong)(_replyLength + Guard), part);
        isGuarded = part[..Guard].IndexOfAnyExcept(GuardedBuffer.Poison) < 0 && part[^Guard..].IndexOfAnyExcept(GuardedBuffer.Poison) < 0;
        _taken++;
        return BinaryPrimitives.ReadUInt32LittleEndian(element[4..]);
    }

    /// <summary>The next event buffer that came back, which is offered again; false where there is none.</summary>
    public bool TryTakeReport(Span<byte> into, out uint usedLength)
    {
        usedLength = 0;
        if (Read16(_eventUsed + 2) == _eventsTaken) return false;
        Span<byte> element = stackalloc byte[8];
        _ram.Read(_eventUsed + 4 + (8u * (uint)(_eventsTaken % EventQueueSize)), element);
        usedLength = BinaryPrimitives.ReadUInt32LittleEndian(element[4..]);
        uint buffer = BinaryPrimitives.ReadUInt32LittleEndian(element) % EventQueueSize;
        _ram.Read(_eventBuffers + (buffer * FaultSize), into[..FaultSize]);
        Write16(_eventAvailable + 4 + (2u * (uint)(_eventsTaken % EventQueueSize)), (ushort)buffer);
        _eventsTaken++;
        Thread.MemoryBarrier();
        Write16(_eventAvailable + 2, (ushort)(_eventsTaken + EventQueueSize));
        return true;
    }

    private static ushort HeadOf(int place) => (ushort)(place * DescriptorsOfPlace);

    private void PutChain(int place, ulong room, int readable, int writable, Framing framing)
    {
        bool isIndirect = framing == Framing.Indirect;
        ulong table = isIndirect ? room : _descriptors;
        int first = isIndirect ? 0 : HeadOf(place);
        int index = first;
        int cutReadable = framing == Framing.SplitReadable ? readable / 2 : readable;
        int cutWritable = framing == Framing.SplitWritable ? writable / 2 : writable;
        ulong from = room + ReadableOffset;
        ulong to = room + WritableEnd - (ulong)writable;
        int left = Count(cutReadable) + Count(readable - cutReadable) + Count(cutWritable) + Count(writable - cutWritable);
        Link(from, cutReadable, 0);
        Link(from + (ulong)cutReadable, readable - cutReadable, 0);
        Link(to, cutWritable, Write);
        Link(to + (ulong)cutWritable, writable - cutWritable, Write);
        if (isIndirect) PutDescriptor(_descriptors, HeadOf(place), room, DescriptorSize * (index - first), Indirect, 0);

        static int Count(int length) => length > 0 ? 1 : 0;

        void Link(ulong at, int length, ushort flags)
        {
            if (length == 0) return;
            left--;
            PutDescriptor(table, index, at, length, (ushort)(left > 0 ? flags | Next : flags), left > 0 ? (ushort)(index + 1) : (ushort)0);
            index++;
        }
    }

    private static (ulong Descriptors, ulong Available, ulong Used) Ring(GuestHeap heap, int size) =>
        (heap.AllocateZeroed((ulong)(DescriptorSize * size), 16), heap.AllocateZeroed((ulong)(6 + (2 * size)), 2), heap.AllocateZeroed((ulong)(6 + (8 * size)), 4));

    private void PutDescriptor(ulong table, int index, ulong address, int length, ushort flags, ushort next)
    {
        Span<byte> descriptor = stackalloc byte[DescriptorSize];
        BinaryPrimitives.WriteUInt64LittleEndian(descriptor, address);
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor[8..], (uint)length);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[12..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[14..], next);
        _ram.Write(table + (ulong)(index * DescriptorSize), descriptor);
    }

    private ushort Read16(ulong address)
    {
        Span<byte> bytes = stackalloc byte[2];
        _ram.Read(address, bytes);
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }

    private void Write16(ulong address, ushort value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
        _ram.Write(address, bytes);
    }
}
