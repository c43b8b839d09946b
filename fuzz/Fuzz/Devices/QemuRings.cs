using System.Buffers.Binary;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;

namespace Viommu.Fuzz.Devices;

/// <summary>
/// The two split rings of a device behind a socket, in memory that both processes map: many requests are made available with nothing but
/// stores, and what came back is read the same way.
/// </summary>
internal sealed class QemuRings : IRequestRings
{
    /// <summary>Descriptors of the request queue.</summary>
    public const ushort RequestQueueSize = RequestPlaces.Count * DescriptorsOfPlace;

    /// <summary>Descriptors of the event queue.</summary>
    public const ushort EventQueueSize = 64;

    private const int DescriptorsOfPlace = 4;
    private const int DescriptorSize = 16;
    private const int FaultSize = 24;

    private const int EventBufferAlignment = 0x1000;

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
    private readonly RequestPlaces _places;
    private readonly ulong _eventBuffers;
    private ushort _sent;
    private ushort _taken;
    private ushort _eventsTaken;

    public QemuRings(IGuestRam ram, GuestHeap heap)
    {
        _ram = ram;
        (_descriptors, _available, _used) = Ring(heap, RequestQueueSize);
        (_eventDescriptors, _eventAvailable, _eventUsed) = Ring(heap, EventQueueSize);
        _places = new(ram, heap);
        _eventBuffers = heap.Allocate(EventQueueSize * FaultSize, EventBufferAlignment);
    }

    public QueueAddresses Requests => new(_descriptors, _available, _used);

    public QueueAddresses Events => new(_eventDescriptors, _eventAvailable, _eventUsed);

    /// <inheritdoc/>
    public int Outstanding => (ushort)(_sent - _taken);

    /// <inheritdoc/>
    public bool HasRoom => Outstanding < RequestPlaces.Count;

    /// <summary>True where the device has returned everything.</summary>
    public bool IsAllReturned => Read16(_used + 2) == _sent;

    /// <inheritdoc/>
    public bool HasNext => Read16(_used + 2) != _taken;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Reply => _places.Reply;

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

    /// <inheritdoc/>
    /// <remarks>The device sees it after <see cref="Publish"/>.</remarks>
    public void Put(ReadOnlySpan<byte> readable, int writable, Framing framing)
    {
        int place = _sent % RequestPlaces.Count;
        _places.Put(place, readable, writable);
        PutChain(place, readable.Length, writable, framing);
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

    /// <inheritdoc/>
    public uint Take(out bool isInOrder, out bool isGuarded)
    {
        int place = _taken % RequestPlaces.Count;
        Span<byte> element = stackalloc byte[8];
        _ram.Read(_used + 4 + (8u * (uint)(_taken % RequestQueueSize)), element);
        isInOrder = BinaryPrimitives.ReadUInt32LittleEndian(element) == HeadOf(place);
        isGuarded = _places.Read(place);
        _taken++;
        return BinaryPrimitives.ReadUInt32LittleEndian(element[4..]);
    }

    /// <inheritdoc/>
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

    private void PutChain(int place, int readable, int writable, Framing framing)
    {
        bool isIndirect = framing == Framing.Indirect;
        ulong table = isIndirect ? _places.TableOf(place) : _descriptors;
        int first = isIndirect ? 0 : HeadOf(place);
        int index = first;
        int cutReadable = framing == Framing.SplitReadable ? readable / 2 : readable;
        int cutWritable = framing == Framing.SplitWritable ? writable / 2 : writable;
        ulong from = _places.ReadableOf(place);
        ulong to = _places.WritableOf(place);
        int left = Count(cutReadable) + Count(readable - cutReadable) + Count(cutWritable) + Count(writable - cutWritable);
        Link(from, cutReadable, 0);
        Link(from + (ulong)cutReadable, readable - cutReadable, 0);
        Link(to, cutWritable, Write);
        Link(to + (ulong)cutWritable, writable - cutWritable, Write);
        if (isIndirect) PutDescriptor(_descriptors, HeadOf(place), table, DescriptorSize * (index - first), Indirect, 0);

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
