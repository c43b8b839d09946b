using System.Buffers.Binary;
using Viommu.Guest.Targets;
using Viommu.Guest.Virtqueue;

namespace Viommu.Conformance.Selftest;

/// <summary>A <see cref="QueueInterceptor"/> of split rings.</summary>
internal abstract class RingInterceptor(ITarget inner) : QueueInterceptor(inner)
{
    /// <summary>More requests than a driver that sends one at a time, or a few, ever has available at once.</summary>
    protected const int Burst = 20;

    protected sealed override void Serve(Doorbell doorbell, Queue queue)
    {
        var rings = new Rings(this, queue);
        if (rings.AreInMemory) Serve(doorbell, rings);
        else Pass(doorbell);
    }

    /// <summary>A doorbell of the request queue; <see cref="QueueInterceptor.Pass"/> has the reference device serve it.</summary>
    protected abstract void Serve(Doorbell doorbell, Rings rings);

    /// <summary>A used element (2.7.8).</summary>
    internal readonly record struct UsedElement(uint Id, uint Length);

    /// <summary>A descriptor of a chain, and where it is in guest memory: in the descriptor table, or in an indirect one.</summary>
    internal sealed record Link(ulong At, Descriptor Descriptor)
    {
        public bool IsWritable => (Descriptor.Flags & DescriptorFlags.Write) != 0;

        public bool IsIndirect => (Descriptor.Flags & DescriptorFlags.Indirect) != 0;
    }

    /// <summary>The three areas of a split virtqueue (2.7), in guest memory.</summary>
    internal sealed class Rings
    {
        private const int UsedElementSize = 8;
        private readonly RingInterceptor owner;
        private readonly Queue queue;

        internal Rings(RingInterceptor owner, Queue queue) => (this.owner, this.queue) = (owner, queue);

        public int Size => queue.Size;

        public bool AreInMemory =>
            owner.IsInMemory(queue.Descriptors, Descriptor.Size * Size) && owner.IsInMemory(queue.Driver, 6 + 2 * Size) && owner.IsInMemory(queue.Device, EndOfUsed);

        /// <summary>Where the used ring ends, with avail_event.</summary>
        public ulong End => queue.Device + (ulong)EndOfUsed;

        /// <summary>Chains that are available and not used yet.</summary>
        public int Waiting => (ushort)(AvailableIndex - UsedIndex);

        public ushort AvailableFlags
        {
            get => owner.Read16(queue.Driver);
            set => owner.Write16(queue.Driver, value);
        }

        public ushort AvailableIndex
        {
            get => owner.Read16(queue.Driver + 2);
            set => owner.Write16(queue.Driver + 2, value);
        }

        public ushort UsedEvent
        {
            get => owner.Read16(queue.Driver + 4 + 2 * (uint)Size);
            set => owner.Write16(queue.Driver + 4 + 2 * (uint)Size, value);
        }

        public ushort UsedFlags
        {
            set => owner.Write16(queue.Device, value);
        }

        public ushort UsedIndex
        {
            get => owner.Read16(queue.Device + 2);
            set => owner.Write16(queue.Device + 2, value);
        }

        public ushort AvailableEvent
        {
            set => owner.Write16(End - 2, value);
        }

        /// <summary>The used element of a free-running index.</summary>
        public UsedElement this[int index]
        {
            get
            {
                Span<byte> bytes = stackalloc byte[UsedElementSize];
                owner.Ram.Read(ElementAddress(index), bytes);
                return new UsedElement(BinaryPrimitives.ReadUInt32LittleEndian(bytes), BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]));
            }
            set
            {
                Span<byte> bytes = stackalloc byte[UsedElementSize];
                BinaryPrimitives.WriteUInt32LittleEndian(bytes, value.Id);
                BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], value.Length);
                owner.Ram.Write(ElementAddress(index), bytes);
            }
        }

        /// <summary>The heads of the chains that are available and not used yet, as the reference device takes them.</summary>
        public IReadOnlyList<ushort> WaitingHeads() => Waiting > Size
            ? []
            : [.. Enumerable.Range(UsedIndex, Waiting).Select(index => owner.Read16(queue.Driver + 4 + 2 * (uint)((ushort)index % Size)))];

        /// <summary>The descriptors of a chain in the descriptor table, in order; cut at the table's size.</summary>
        public IReadOnlyList<uint> ChainOf(uint head)
        {
            var chain = new List<uint> { head };
            while (chain.Count < Size && Read(DescriptorAddress(chain[^1])) is var last && (last.Flags & DescriptorFlags.Next) != 0) chain.Add(last.Next);
            return chain;
        }

        /// <summary>The same, with what they hold.</summary>
        public IReadOnlyList<Link> LinksOf(ushort head) => [.. ChainOf(head).Select(slot => DescriptorAddress(slot)).Select(at => new Link(at, Read(at)))];

        /// <summary>The buffers of a chain: what <see cref="LinksOf"/> has, with the entries of an indirect table in its place.</summary>
        public IReadOnlyList<Link> BuffersOf(ushort head) => [.. LinksOf(head).SelectMany(link => link.IsIndirect ? TableOf(link) : [link])];

        /// <summary>The entries of an indirect table, as they lie there.</summary>
        public IReadOnlyList<Link> TableOf(Link outer)
        {
            var length = (int)Math.Min(outer.Descriptor.Length, (uint)(Descriptor.Size * Size));
            return owner.IsInMemory(outer.Descriptor.Address, Math.Max(1, length))
                ? [.. Enumerable.Range(0, length / Descriptor.Size).Select(i => outer.Descriptor.Address + (ulong)(Descriptor.Size * i)).Select(at => new Link(at, Read(at)))]
                : [];
        }

        /// <summary>Overwrites a descriptor.</summary>
        public void Write(ulong at, Descriptor descriptor)
        {
            Span<byte> bytes = stackalloc byte[Descriptor.Size];
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, descriptor.Address);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], descriptor.Length);
            BinaryPrimitives.WriteUInt16LittleEndian(bytes[12..], (ushort)descriptor.Flags);
            BinaryPrimitives.WriteUInt16LittleEndian(bytes[14..], descriptor.Next);
            owner.Ram.Write(at, bytes);
        }

        private Descriptor Read(ulong at)
        {
            Span<byte> bytes = stackalloc byte[Descriptor.Size];
            owner.Ram.Read(at, bytes);
            return new Descriptor(
                BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]),
                (DescriptorFlags)BinaryPrimitives.ReadUInt16LittleEndian(bytes[12..]), BinaryPrimitives.ReadUInt16LittleEndian(bytes[14..]));
        }

        private int EndOfUsed => 6 + UsedElementSize * Size;

        private ulong DescriptorAddress(uint index) => queue.Descriptors + Descriptor.Size * (index % (uint)Size);

        private ulong ElementAddress(int index) => queue.Device + 4 + UsedElementSize * (uint)((ushort)index % Size);
    }
}
