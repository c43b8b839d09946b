using System.Buffers.Binary;
using Viommu.Guest.Targets;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>A <see cref="QueueInterceptor"/> of packed rings, which keeps account of where the reference device is in the ring.</summary>
internal abstract class PackedInterceptor(ITarget inner) : QueueInterceptor(inner)
{
    private const DescriptorFlags Mark = DescriptorFlags.Available | DescriptorFlags.Used;
    private Queue? known;
    private int slot;
    private bool wrap;

    protected sealed override void Serve(Doorbell doorbell, Queue queue)
    {
        if (queue != known) (known, slot, wrap) = (queue, 0, true);
        if (IsInMemory(queue.Descriptors, PackedDescriptor.Size * queue.Size) && IsInMemory(queue.Driver, 4) && IsInMemory(queue.Device, 4)) Serve(doorbell, new Ring(this, queue));
        else Pass(doorbell);
    }

    protected override void WriteStatus(DeviceStatus status)
    {
        if (status == DeviceStatus.None) known = null;
        base.WriteStatus(status);
    }

    /// <summary>A doorbell of the request queue; <see cref="Pass(Doorbell, Ring)"/> has the reference device serve it.</summary>
    protected abstract void Serve(Doorbell doorbell, Ring ring);

    /// <summary>Has the reference device serve the queue; returns the lists that it has used.</summary>
    protected IReadOnlyList<PackedList> Pass(Doorbell doorbell, Ring ring)
    {
        var lists = ring.Waiting();
        Pass(doorbell);
        if ((base.ReadStatus() & DeviceStatus.NeedsReset) != 0) return [];
        foreach (var list in lists) (slot, wrap) = Ahead(ring, list.Slots.Count);
        return lists;
    }

    private (int Slot, bool Wrap) Ahead(Ring ring, int entries) => ((slot + entries) % ring.Size, wrap ^ (slot + entries >= ring.Size));

    /// <summary>A list of descriptors as the driver made it available.</summary>
    /// <param name="Slots">Where in the ring.</param>
    /// <param name="Descriptors">What they held.</param>
    /// <param name="Wrap">The wrap counter of its first.</param>
    internal sealed record PackedList(IReadOnlyList<int> Slots, IReadOnlyList<PackedDescriptor> Descriptors, bool Wrap);

    /// <summary>The three areas of a packed virtqueue (2.8), in guest memory.</summary>
    internal sealed class Ring
    {
        private readonly PackedInterceptor owner;
        private readonly Queue queue;

        internal Ring(PackedInterceptor owner, Queue queue) => (this.owner, this.queue) = (owner, queue);

        public int Size => queue.Size;

        /// <summary>Where the ring ends.</summary>
        public ulong End => queue.Descriptors + (ulong)(PackedDescriptor.Size * Size);

        /// <summary>The entry at which the device is due, and its wrap counter there.</summary>
        public (int Slot, bool Wrap) Due => (owner.slot, owner.wrap);

        /// <summary>The entry so far ahead of that, and the device's wrap counter there.</summary>
        public (int Slot, bool Wrap) Ahead(int entries) => owner.Ahead(this, entries);

        public (ushort Descriptor, ushort Flags) DriverEvent
        {
            get => (owner.Read16(queue.Driver), owner.Read16(queue.Driver + 2));
            set
            {
                owner.Write16(queue.Driver, value.Descriptor);
                owner.Write16(queue.Driver + 2, value.Flags);
            }
        }

        public ushort DeviceEventFlags
        {
            set => owner.Write16(queue.Device + 2, value);
        }

        public PackedDescriptor this[int slot]
        {
            get => Read(queue.Descriptors, slot);
            set => Write(queue.Descriptors, slot, value);
        }

        /// <summary>What an entry's flags are besides AVAIL and USED, with these set as an available one has them there.</summary>
        public static DescriptorFlags Available(DescriptorFlags flags, bool wrap) => (flags & ~Mark) | (wrap ? DescriptorFlags.Available : DescriptorFlags.Used);

        public static bool IsAvailable(DescriptorFlags flags, bool wrap) => flags == Available(flags, wrap);

        /// <summary>The lists that are available from where the device is due.</summary>
        public IReadOnlyList<PackedList> Waiting()
        {
            var lists = new List<PackedList>();
            for (var taken = 0; taken < Size;)
            {
                var slots = new List<int>();
                var first = Ahead(taken);
                for (var goesOn = true; goesOn && taken + slots.Count < Size;)
                {
                    var (slot, wrap) = Ahead(taken + slots.Count);
                    if (!IsAvailable(this[slot].Flags, wrap)) return lists;
                    slots.Add(slot);
                    goesOn = (this[slot].Flags & DescriptorFlags.Next) != 0;
                }
                lists.Add(new PackedList(slots, [.. slots.Select(slot => this[slot])], first.Wrap));
                taken += slots.Count;
            }
            return lists;
        }

        /// <summary>The buffers of a list, with the entries of an indirect table in its place.</summary>
        public IReadOnlyList<PackedDescriptor> BuffersOf(PackedList list) => list.Descriptors is [{ } only] && (only.Flags & DescriptorFlags.Indirect) != 0 ? TableOf(only) : list.Descriptors;

        /// <summary>The entries of an indirect table.</summary>
        public IReadOnlyList<PackedDescriptor> TableOf(PackedDescriptor outer)
        {
            var length = (int)Math.Min(outer.Length, (uint)(PackedDescriptor.Size * Size));
            return owner.IsInMemory(outer.Address, Math.Max(1, length)) ? [.. Enumerable.Range(0, length / PackedDescriptor.Size).Select(i => Read(outer.Address, i))] : [];
        }

        private PackedDescriptor Read(ulong table, int index)
        {
            Span<byte> bytes = stackalloc byte[PackedDescriptor.Size];
            owner.Ram.Read(table + (ulong)(PackedDescriptor.Size * index), bytes);
            return new PackedDescriptor(
                BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]),
                BinaryPrimitives.ReadUInt16LittleEndian(bytes[12..]), (DescriptorFlags)BinaryPrimitives.ReadUInt16LittleEndian(bytes[14..]));
        }

        private void Write(ulong table, int index, PackedDescriptor descriptor)
        {
            Span<byte> bytes = stackalloc byte[PackedDescriptor.Size];
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, descriptor.Address);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], descriptor.Length);
            BinaryPrimitives.WriteUInt16LittleEndian(bytes[12..], descriptor.Id);
            BinaryPrimitives.WriteUInt16LittleEndian(bytes[14..], (ushort)descriptor.Flags);
            owner.Ram.Write(table + (ulong)(PackedDescriptor.Size * index), bytes);
        }
    }
}
