using System.Buffers.Binary;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;

namespace Viommu.Guest.Virtqueue;

/// <summary>
/// The driver's side of a split virtqueue (2.7): where it is in memory, and every byte of it to write, rightly or wrongly. Chains of
/// the driver's own take their descriptors from <see cref="TakeSlots"/>; raw writes may use any.
/// </summary>
public sealed class SplitQueue
{
    private readonly IGuestRam ram;
    private readonly bool eventIdx;
    private readonly Stack<ushort> freeSlots = new();
    private ushort availableIndex;
    private ushort takenIndex;

    /// <summary>Lays the three parts out in zeroed memory.</summary>
    /// <param name="ram">Guest memory.</param>
    /// <param name="heap">Where the parts are taken from.</param>
    /// <param name="number">The queue's number.</param>
    /// <param name="size">Size in descriptors, a power of two.</param>
    /// <param name="eventIdx">EVENT_IDX was negotiated.</param>
    public SplitQueue(IGuestRam ram, GuestHeap heap, int number, ushort size, bool eventIdx)
    {
        this.ram = ram;
        this.eventIdx = eventIdx;
        Number = number;
        Size = size;

        // 2.7: alignment 16, 2 and 4; sizes 16 * n, 6 + 2 * n and 6 + 8 * n, with the event index behind each ring.
        Addresses = new QueueAddresses(
            heap.AllocateZeroed((ulong)(Descriptor.Size * size), 16),
            heap.AllocateZeroed((ulong)(6 + 2 * size), 2),
            heap.AllocateZeroed((ulong)(6 + 8 * size), 4));
        for (var slot = size - 1; slot >= 0; slot--) freeSlots.Push((ushort)slot);
    }

    /// <summary>The queue's number.</summary>
    public int Number { get; }

    /// <summary>Size in descriptors.</summary>
    public ushort Size { get; }

    /// <summary>Where the three parts are.</summary>
    public QueueAddresses Addresses { get; }

    /// <summary>The index that the driver published last: how many chains it has made available, modulo 2^16.</summary>
    public ushort AvailableIndex => availableIndex;

    /// <summary>The device's <c>used.idx</c> as it is in memory.</summary>
    public ushort ReadUsedIndex() => Read16(Addresses.Device + 2);

    /// <summary>The device's <c>used.flags</c> as they are in memory.</summary>
    public ushort ReadUsedFlags() => Read16(Addresses.Device);

    /// <summary>The device's <c>avail_event</c> as it is in memory.</summary>
    public ushort ReadAvailableEvent() => Read16(Addresses.Device + 4 + 8u * Size);

    /// <summary>Writes <c>avail.flags</c>; bit 0 asks for no used buffer notifications.</summary>
    public void WriteAvailableFlags(ushort flags) => Write16(Addresses.Driver, flags);

    /// <summary>Writes <c>used_event</c>.</summary>
    public void WriteUsedEvent(ushort index) => Write16(Addresses.Driver + 4 + 2u * Size, index);

    /// <summary>Reserves descriptors for a chain; throws <see cref="GuestSetupException"/> where too few are free.</summary>
    public ushort[] TakeSlots(int count)
    {
        if (freeSlots.Count < count) throw new GuestSetupException($"queue {Number} has {freeSlots.Count} free descriptors, {count} are needed");
        return [.. Enumerable.Range(0, count).Select(_ => freeSlots.Pop())];
    }

    /// <summary>Gives descriptors back.</summary>
    public void ReturnSlots(ushort[] slots)
    {
        for (var i = slots.Length - 1; i >= 0; i--) freeSlots.Push(slots[i]);
    }

    /// <summary>Writes an entry of the descriptor table.</summary>
    public void WriteDescriptor(int slot, Descriptor descriptor) => WriteDescriptor(Addresses.Descriptors, slot, descriptor);

    /// <summary>Writes an entry of any table, which can be an indirect one.</summary>
    public void WriteDescriptor(ulong table, int slot, Descriptor descriptor)
    {
        Span<byte> bytes = stackalloc byte[Descriptor.Size];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, descriptor.Address);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], descriptor.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[12..], (ushort)descriptor.Flags);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[14..], descriptor.Next);
        ram.Write(table + (ulong)(slot * Descriptor.Size), bytes);
    }

    /// <summary>Makes a chain available: its head goes into the ring, then the index moves.</summary>
    public void MakeAvailable(ushort head)
    {
        WriteAvailableEntry(availableIndex, head);
        WriteAvailableIndex((ushort)(availableIndex + 1));
    }

    /// <summary>Writes the ring entry of an index, without moving the index.</summary>
    public void WriteAvailableEntry(ushort index, ushort head) => Write16(Addresses.Driver + 4 + 2u * (uint)(index % Size), head);

    /// <summary>Writes <c>avail.idx</c>.</summary>
    public void WriteAvailableIndex(ushort index)
    {
        availableIndex = index;
        Write16(Addresses.Driver + 2, index);
    }

    /// <summary>Takes the next used element, if there is one.</summary>
    public bool TryTakeUsed(out UsedElement element)
    {
        element = default;
        if (ReadUsedIndex() == takenIndex) return false;
        element = ReadUsedElement(takenIndex);
        takenIndex++;
        return true;
    }

    /// <summary>The used element of an index as it is in memory, whether the device has got that far or not.</summary>
    public UsedElement ReadUsedElement(ushort index)
    {
        Span<byte> bytes = stackalloc byte[8];
        ram.Read(UsedElementAddress(index), bytes);
        return new UsedElement(BinaryPrimitives.ReadUInt32LittleEndian(bytes), BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]));
    }

    /// <summary>Guest-physical address of the used element of an index.</summary>
    public ulong UsedElementAddress(ushort index) => Addresses.Device + 4 + 8u * (uint)(index % Size);

    /// <summary>Whether the device asks to be notified of the chains made available since index <paramref name="since"/> (2.7.10).</summary>
    public bool WantsNotification(ushort since)
    {
        if (!eventIdx) return (ReadUsedFlags() & 1) == 0;
        var passed = (ushort)(availableIndex - since);
        return (ushort)(availableIndex - ReadAvailableEvent() - 1) < passed;
    }

    private ushort Read16(ulong address)
    {
        Span<byte> bytes = stackalloc byte[2];
        ram.Read(address, bytes);
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }

    private void Write16(ulong address, ushort value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
        ram.Write(address, bytes);
    }
}
