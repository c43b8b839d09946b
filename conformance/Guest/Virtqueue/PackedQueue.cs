using System.Buffers.Binary;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;

namespace Viommu.Guest.Virtqueue;

/// <summary>
/// The driver's side of a packed virtqueue (2.8): the descriptor ring, its wrap counters, and the two event suppression structures,
/// every byte of them to write, rightly or wrongly.
/// </summary>
public sealed class PackedQueue : DriverQueue
{
    /// <summary>The longest ring (2.8).</summary>
    public const int MaximumSize = 1 << 15;

    private const DescriptorFlags Mark = DescriptorFlags.Available | DescriptorFlags.Used;
    private const int EventLength = 4;

    private readonly IGuestRam ram;
    private readonly Queue<ushort> freeIds = new();
    private readonly Dictionary<uint, int> unaccounted = [];
    private int freeDescriptors;
    private Cursor available;
    private Cursor used;

    /// <summary>Lays the three parts out in zeroed memory.</summary>
    /// <param name="ram">Guest memory.</param>
    /// <param name="heap">Where the parts are taken from.</param>
    /// <param name="number">The queue's number.</param>
    /// <param name="size">Size in descriptors, 1 to <see cref="MaximumSize"/>; any number, not only powers of two.</param>
    /// <param name="negotiated">The features negotiated.</param>
    public PackedQueue(IGuestRam ram, GuestHeap heap, int number, ushort size, ulong negotiated) : base(ram, number, size, negotiated)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, MaximumSize);
        this.ram = ram;
        freeDescriptors = size;

        // 2.8.10.1: alignment 16, 4 and 4.
        Addresses = new QueueAddresses(
            heap.AllocateZeroed((ulong)(PackedDescriptor.Size * size), 16), heap.AllocateZeroed(EventLength, 4), heap.AllocateZeroed(EventLength, 4));
        for (ushort id = 0; id < size; id++) freeIds.Enqueue(id);
        available = used = new Cursor(0, true, size);
    }

    /// <inheritdoc/>
    public override QueueAddresses Addresses { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, ulong Address, int Length)> Areas =>
    [
        ("descriptor ring", Addresses.Descriptors, PackedDescriptor.Size * Size),
        ("driver event suppression", Addresses.Driver, EventLength),
        ("device event suppression", Addresses.Device, EventLength),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<Range> NotificationWishes => [Range.All];

    /// <inheritdoc/>
    public override ushort Position => available.Encoded;

    /// <summary>Ring entry that the driver fills next.</summary>
    public int NextSlot => available.Slot;

    /// <summary>The driver's ring wrap counter (2.8.1).</summary>
    public bool WrapCounter => available.Wrap;

    /// <summary>The place <paramref name="ahead"/> entries behind the one that the driver fills next, as <see cref="Position"/> has it.</summary>
    public ushort PositionAhead(int ahead) => available.Ahead(ahead).Encoded;

    /// <summary>The Available and Used flags that mark the entry <paramref name="ahead"/> of <see cref="NextSlot"/> as available.</summary>
    public DescriptorFlags AvailableMark(int ahead = 0) => available.Ahead(ahead).Wrap ? DescriptorFlags.Available : DescriptorFlags.Used;

    /// <summary>Writes an entry of the ring, the flags as they are given.</summary>
    public void WriteDescriptor(int slot, PackedDescriptor descriptor) => WriteDescriptor(Addresses.Descriptors, slot, descriptor);

    /// <summary>Writes an entry of any table, which can be an indirect one.</summary>
    public void WriteDescriptor(ulong table, int slot, PackedDescriptor descriptor)
    {
        // The flags make a descriptor available: they come last (2.8.6).
        Span<byte> bytes = stackalloc byte[PackedDescriptor.Size - 2];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, descriptor.Address);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], descriptor.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[12..], descriptor.Id);
        var at = table + (ulong)(slot * PackedDescriptor.Size);
        ram.Write(at, bytes);
        Thread.MemoryBarrier();
        Write16(at + 14, (ushort)descriptor.Flags);
        Thread.MemoryBarrier();
    }

    /// <summary>An entry of the ring as it is in memory.</summary>
    public PackedDescriptor ReadDescriptor(int slot)
    {
        Span<byte> bytes = stackalloc byte[PackedDescriptor.Size];
        ram.Read(Addresses.Descriptors + (ulong)(slot * PackedDescriptor.Size), bytes);
        return new PackedDescriptor(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]),
            BinaryPrimitives.ReadUInt16LittleEndian(bytes[12..]),
            (DescriptorFlags)BinaryPrimitives.ReadUInt16LittleEndian(bytes[14..]));
    }

    /// <summary>
    /// Makes a list of descriptors available as they are, but for the Available and Used flags, which are set as the entry that each
    /// goes to asks for; the first is written last. The driver keeps no account of it but for its length, which it has to skip when the
    /// Buffer ID of its last descriptor comes back: whatever comes back for it is taken as it is.
    /// </summary>
    public void MakeAvailable(params ReadOnlySpan<PackedDescriptor> list)
    {
        unaccounted[list[^1].Id] = list.Length;
        Expose(list);
    }

    /// <summary>Moves the driver on by so many entries, without writing any.</summary>
    public void Advance(int entries) => available = available.Ahead(entries);

    /// <summary>Writes the driver's event suppression structure (2.8.14): the word of offset and wrap counter, and the word of flags.</summary>
    public void WriteDriverEvent(ushort descriptor, ushort flags)
    {
        Write16(Addresses.Driver, descriptor);
        Write16(Addresses.Driver + 2, flags);
    }

    /// <summary>The device's event suppression structure as it is in memory.</summary>
    public (ushort Descriptor, ushort Flags) ReadDeviceEvent()
    {
        // The flags say whether the other word means anything, so they are read first.
        var flags = Read16(Addresses.Device + 2);
        return (Read16(Addresses.Device), flags);
    }

    /// <inheritdoc/>
    /// <remarks>2.8.10. What no device may write (flags 3, or 2 without EVENT_IDX, or an offset outside the ring) suppresses nothing.</remarks>
    public override bool WantsNotification(ushort since)
    {
        const ushort Disable = 1, ForDescriptor = 2;
        var (descriptor, flags) = ReadDeviceEvent();
        if ((flags & 3) == Disable) return false;
        if ((flags & 3) != ForDescriptor || !EventIdx) return true;
        if ((descriptor & 0x7fff) >= Size) return true;
        var from = Cursor.Decode(since, Size);
        return from.DistanceTo(Cursor.Decode(descriptor, Size)) < from.DistanceTo(available);
    }

    private protected override LentChain Publish(IReadOnlyList<BufferElement> elements, int indirect, Func<int, ulong> table)
    {
        if (indirect != 0 && indirect != elements.Count)
            throw new ArgumentException("a list of a packed ring is direct or indirect as a whole (2.8.5)", nameof(indirect));
        var count = indirect > 0 ? 1 : elements.Count;
        if (freeDescriptors < count) throw NoRoom(freeDescriptors, count);
        var id = freeIds.Dequeue();
        freeDescriptors -= count;
        if (indirect > 0) Expose([new PackedDescriptor(WriteTable(elements, table(indirect)), (uint)(indirect * PackedDescriptor.Size), id, DescriptorFlags.Indirect)]);
        else Expose([.. elements.Select((element, i) => Link(element, id, i + 1 < count))]);
        return new LentChain(id, [], count, WritableLengthOf(elements));
    }

    private protected override bool TryReadUsed(out UsedElement element)
    {
        element = default;
        var flags = Read16(Addresses.Descriptors + (ulong)(used.Slot * PackedDescriptor.Size) + 14);
        var marked = used.Wrap ? Mark : DescriptorFlags.None;
        if (((DescriptorFlags)flags & Mark) != marked) return false;
        Thread.MemoryBarrier();
        var descriptor = ReadDescriptor(used.Slot);

        // 2.8.4: without the Write flag nothing was written, and the length is to be ignored.
        element = new UsedElement(descriptor.Id, (descriptor.Flags & DescriptorFlags.Write) != 0 ? descriptor.Length : 0);
        return true;
    }

    private protected override int DescriptorsOfUnknown(uint id) => unaccounted.Remove(id, out var length) ? length : 1;

    private protected override void Skip(int chains, int descriptors) => used = used.Ahead(descriptors);

    private protected override void Free(LentChain chain)
    {
        freeIds.Enqueue(chain.Id);
        freeDescriptors += chain.Descriptors;
    }

    private void Expose(ReadOnlySpan<PackedDescriptor> list)
    {
        for (var i = list.Length - 1; i >= 0; i--)
            WriteDescriptor(available.Ahead(i).Slot, list[i] with { Flags = (list[i].Flags & ~Mark) | AvailableMark(i) });
        Advance(list.Length);
    }

    // 2.8.21.1 has the Buffer ID in every descriptor, though only the one in the last counts (2.8.6).
    private static PackedDescriptor Link(BufferElement element, ushort id, bool goesOn) => new(
        element.Address, element.Length, id, WriteFlag(element) | (goesOn ? DescriptorFlags.Next : 0));

    // 2.8.7: of an indirect descriptor's flags only Write means anything, and its ID means nothing.
    private ulong WriteTable(IReadOnlyList<BufferElement> elements, ulong table)
    {
        for (var i = 0; i < elements.Count; i++) WriteDescriptor(table, i, new PackedDescriptor(elements[i].Address, elements[i].Length, 0, WriteFlag(elements[i])));
        return table;
    }

    private static DescriptorFlags WriteFlag(BufferElement element) => element.IsWritable ? DescriptorFlags.Write : DescriptorFlags.None;

    /// <summary>A place in the ring with its wrap counter, which starts at 1 and turns behind the last entry (2.8.1).</summary>
    private readonly record struct Cursor(int Slot, bool Wrap, int Size)
    {
        /// <summary>As event suppression structures and driver notifications hold it.</summary>
        public ushort Encoded => (ushort)(Slot | (Wrap ? 1 << 15 : 0));

        public static Cursor Decode(ushort word, int size) => new(word & 0x7fff, (word & 0x8000) != 0, size);

        /// <summary>Any number of entries ahead.</summary>
        public Cursor Ahead(int entries)
        {
            var laps = (Slot + entries) / Size;
            return new Cursor((Slot + entries) % Size, Wrap ^ (laps & 1) != 0, Size);
        }

        /// <summary>Entries from here to there, going forward; places repeat after two laps.</summary>
        public int DistanceTo(Cursor there) => (there.Lap - Lap + 2 * Size) % (2 * Size);

        private int Lap => Slot + (Wrap ? 0 : Size);
    }
}
