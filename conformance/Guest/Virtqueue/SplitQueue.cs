using System.Buffers.Binary;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;

namespace Viommu.Guest.Virtqueue;

/// <summary>
/// The driver's side of a split virtqueue (2.7): where it is in memory, and every byte of it to write, rightly or wrongly. Chains of
/// the driver's own take their descriptors from <see cref="TakeSlots"/>; raw writes may use any.
/// </summary>
public sealed class SplitQueue : DriverQueue
{
    // A legacy interface names a queue by its page, of this size here (4.1.5.1.3.1, 4.2.4).
    private const ulong LegacyPage = 4096;

    private readonly IGuestRam ram;

    // First in, first out: chains that come back in order leave their descriptors in ring order, as IN_ORDER asks for (2.7.5).
    private readonly Queue<ushort> freeSlots = new();
    private ushort availableIndex;
    private ushort takenIndex;

    /// <summary>Lays the three parts out in zeroed memory.</summary>
    /// <param name="ram">Guest memory.</param>
    /// <param name="heap">Where the parts are taken from.</param>
    /// <param name="number">The queue's number.</param>
    /// <param name="size">Size in descriptors, a power of two.</param>
    /// <param name="negotiated">The features negotiated.</param>
    /// <param name="legacyAlignment">
    /// Queue Align in bytes, a power of two, for the contiguous layout of a legacy interface (2.7.2); null for parts anywhere.
    /// </param>
    public SplitQueue(IGuestRam ram, GuestHeap heap, int number, ushort size, ulong negotiated, int? legacyAlignment = null)
        : base(ram, number, size, negotiated)
    {
        this.ram = ram;
        Addresses = legacyAlignment is { } align ? Contiguous(heap, (ulong)align) : Apart(heap);
        for (ushort slot = 0; slot < size; slot++) freeSlots.Enqueue(slot);
    }

    /// <inheritdoc/>
    public override QueueAddresses Addresses { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, ulong Address, int Length)> Areas =>
    [
        ("descriptor table", Addresses.Descriptors, TableLength),
        ("available ring", Addresses.Driver, AvailableLength),
        ("used ring", Addresses.Device, UsedLength),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<Range> NotificationWishes => [new Range(0, 2), new Range(^2, ^0)];

    /// <inheritdoc/>
    public override ushort Position => availableIndex;

    // 2.7: sizes 16 * n, 6 + 2 * n and 6 + 8 * n, with the event index behind each ring.
    private int TableLength => Descriptor.Size * Size;

    private int AvailableLength => 6 + 2 * Size;

    private int UsedLength => 6 + 8 * Size;

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

    /// <summary>Reserves descriptors for a chain; throws <see cref="QueueTooSmallException"/> where too few are free.</summary>
    public ushort[] TakeSlots(int count)
    {
        if (freeSlots.Count < count) throw NoRoom(freeSlots.Count, count);
        return [.. Enumerable.Range(0, count).Select(_ => freeSlots.Dequeue())];
    }

    /// <summary>Gives descriptors back.</summary>
    public void ReturnSlots(ushort[] slots)
    {
        foreach (var slot in slots) freeSlots.Enqueue(slot);
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

    /// <summary>An entry of the descriptor table as it is in memory.</summary>
    public Descriptor ReadDescriptor(int slot)
    {
        Span<byte> bytes = stackalloc byte[Descriptor.Size];
        ram.Read(Addresses.Descriptors + (ulong)(slot * Descriptor.Size), bytes);
        return new Descriptor(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]),
            (DescriptorFlags)BinaryPrimitives.ReadUInt16LittleEndian(bytes[12..]),
            BinaryPrimitives.ReadUInt16LittleEndian(bytes[14..]));
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
        // 2.7.13.3: entries before the index, and the index before a look at whether the device wants to know.
        availableIndex = index;
        Thread.MemoryBarrier();
        Write16(Addresses.Driver + 2, index);
        Thread.MemoryBarrier();
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

    /// <inheritdoc/>
    /// <remarks>2.7.10.</remarks>
    public override bool WantsNotification(ushort since)
    {
        if (!EventIdx) return (ReadUsedFlags() & 1) == 0;
        var passed = (ushort)(availableIndex - since);
        return (ushort)(availableIndex - ReadAvailableEvent() - 1) < passed;
    }

    private protected override LentChain Publish(IReadOnlyList<BufferElement> elements, int indirect, Func<int, ulong> table)
    {
        var direct = elements.Count - indirect;
        var slots = TakeSlots(indirect > 0 ? direct + 1 : direct);
        for (var i = 0; i < direct; i++) WriteDescriptor(slots[i], Link(elements[i], i + 1 < slots.Length ? slots[i + 1] : null));
        if (indirect > 0)
        {
            var at = table(indirect);
            for (var i = 0; i < indirect; i++) WriteDescriptor(at, i, Link(elements[direct + i], i + 1 < indirect ? (ushort)(i + 1) : null));
            WriteDescriptor(slots[direct], new Descriptor(at, (uint)(indirect * Descriptor.Size), DescriptorFlags.Indirect, 0));
        }
        MakeAvailable(slots[0]);
        return new LentChain(slots[0], slots, slots.Length, WritableLengthOf(elements));
    }

    private protected override bool TryReadUsed(out UsedElement element)
    {
        element = default;
        if (ReadUsedIndex() == takenIndex) return false;
        Thread.MemoryBarrier();
        element = ReadUsedElement(takenIndex);
        return true;
    }

    private protected override void Skip(int chains, int descriptors)
    {
        var counted = (ushort)(ReadUsedIndex() - takenIndex);
        if (chains > counted)
        {
            throw new DeviceViolationException(
                "CORE-RSVD-D-05", "used.idx counts every chain of a batch that one element stands for (2.7.9)",
                $"an element of queue {Number} stands for {chains} chains, used.idx counts {counted}");
        }
        takenIndex += (ushort)chains;
    }

    private protected override void Free(LentChain chain) => ReturnSlots(chain.Slots);

    private static Descriptor Link(BufferElement element, ushort? next) =>
        new(element.Address, element.Length, (element.IsWritable ? DescriptorFlags.Write : 0) | (next is null ? 0 : DescriptorFlags.Next), next ?? 0);

    // 2.7: alignment 16, 2 and 4.
    private QueueAddresses Apart(GuestHeap heap) => new(
        heap.AllocateZeroed((ulong)TableLength, 16), heap.AllocateZeroed((ulong)AvailableLength, 2), heap.AllocateZeroed((ulong)UsedLength, 4));

    // 2.7.2: table and available ring, padding to the alignment, used ring. The formula there rounds up to multiples of Queue Align.
    private QueueAddresses Contiguous(GuestHeap heap, ulong align)
    {
        var used = RoundUp((ulong)(TableLength + AvailableLength));
        var start = heap.AllocateZeroed(used + RoundUp((ulong)UsedLength), Math.Max(align, LegacyPage));
        return new QueueAddresses(start, start + (ulong)TableLength, start + used);

        ulong RoundUp(ulong length) => (length + align - 1) & ~(align - 1);
    }
}
