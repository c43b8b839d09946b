using System.Buffers.Binary;
using Viommu.Guest.Targets;
using Viommu.Guest.Virtqueue;

namespace Viommu.Conformance.Watching.Live;

/// <summary>
/// Follows a virtqueue in guest memory from both sides: what the driver writes as it writes it, and what the device has returned whenever
/// it had the opportunity.
/// </summary>
internal abstract class RingTracker(int queue, ushort size, IGuestRam ram, Action<Observation> see)
{
    private const int DescriptorSize = 16;

    // Far more than any request or answer has; a hostile chain can claim 4 GiB.
    private const int MostBytes = 1 << 20;

    private readonly ChainFlow flow = new(see);
    private readonly List<Chain> outstanding = [];

    protected int Queue => queue;

    protected ushort Size => size;

    protected Action<Observation> See => see;

    /// <summary>Chains that the device has, in the order in which they were made available.</summary>
    protected IReadOnlyList<Chain> Outstanding => outstanding;

    /// <summary>The driver wrote guest memory; it is written, and <see cref="LookForUsed"/> was called before it was.</summary>
    public void DriverWrote(ulong address, int length, bool isChange)
    {
        var at = new Span(address, (ulong)length);
        if (isChange) TellLentMemory(at);
        TellRing(at);
    }

    /// <summary>True while all parts of the ring are in guest memory: a machine elsewhere takes memory away, and all of it when it goes.</summary>
    public bool IsReachable => Parts.All(part => ram.Holds(part.Start, part.Length));

    /// <summary>Where the ring is.</summary>
    protected abstract IEnumerable<Span> Parts { get; }

    /// <summary>False where a descriptor ends with flags and next (2.7.5), true where it ends with Buffer ID and flags (2.8.13).</summary>
    protected abstract bool FlagsComeLast { get; }

    /// <summary>Tells of the ring as it is when the queue is enabled.</summary>
    public virtual void TellLayout()
    {
    }

    /// <summary>The device could have returned chains.</summary>
    public abstract void LookForUsed();

    /// <summary>The driver could have made chains available: for those who do not see its writes.</summary>
    public abstract void LookForAvailable();

    /// <summary>Tells of the driver's writes to the ring itself.</summary>
    protected abstract void TellRing(Span written);

    /// <summary>Where an element of a chain is in memory, if it is in the ring itself.</summary>
    protected abstract ulong SlotAddress(int slot);

    protected void Publish(Chain chain)
    {
        outstanding.Add(chain);
        flow.Available(chain);
    }

    /// <summary>The device named a chain; with IN_ORDER it can stand for those before it. Returns how many came back.</summary>
    protected IReadOnlyList<Chain> Return(uint id, uint length, bool inOrder)
    {
        var at = outstanding.FindIndex(chain => chain.Id == id);
        if (at < 0)
        {
            flow.UsedWithoutHaving(queue, id, length);
            return [];
        }
        var batch = inOrder ? outstanding[..(at + 1)] : [outstanding[at]];
        outstanding.RemoveRange(at + 1 - batch.Count, batch.Count);
        foreach (var chain in batch)
        {
            var writable = Gather(chain.Buffers.Where(buffer => buffer.IsWritable));

            // 2.7.9, 2.8.8: chains that are not named were used completely.
            flow.Used(chain, chain.Id == id ? length : (uint)chain.WritableLength, writable);
        }
        return batch;
    }

    /// <summary>A chain of these descriptors.</summary>
    protected Chain Make(ushort id, List<ChainElement> elements, int position, string? fault)
    {
        var buffers = elements.Where(element => !element.IsTable).ToList();
        return new Chain(queue, id, elements)
        {
            Position = position,
            Fault = fault,
            Readable = Gather(buffers.Where(buffer => !buffer.IsWritable)),
            WritableLength = buffers.Where(buffer => buffer.IsWritable).Aggregate(0UL, (sum, buffer) => sum + buffer.Descriptor.Length),
        };
    }

    /// <summary>The descriptors of an indirect table; empty where it is not in memory.</summary>
    protected List<RingDescriptor> ReadTable(RingDescriptor reference)
    {
        var table = new List<RingDescriptor>();
        var entries = Math.Min(reference.Length / DescriptorSize, ushort.MaxValue);
        for (uint i = 0; i < entries && TryReadDescriptor(reference.Address + i * DescriptorSize, out var entry); i++) table.Add(entry);
        return table;
    }

    protected bool TryReadDescriptor(ulong address, out RingDescriptor descriptor)
    {
        Span<byte> bytes = stackalloc byte[DescriptorSize];
        descriptor = default;
        if (!ram.Holds(address, DescriptorSize)) return false;
        ram.Read(address, bytes);
        var (third, fourth) = (BinaryPrimitives.ReadUInt16LittleEndian(bytes[12..]), BinaryPrimitives.ReadUInt16LittleEndian(bytes[14..]));
        var (flags, nextOrId) = FlagsComeLast ? (fourth, third) : (third, fourth);
        descriptor = new RingDescriptor(BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]), (DescriptorFlags)flags, nextOrId);
        return true;
    }

    protected ushort Read16(ulong address)
    {
        Span<byte> bytes = stackalloc byte[2];
        ram.Read(address, bytes);
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }

    protected uint Read32(ulong address) => Read16(address) | (uint)Read16(address + 2) << 16;

    private byte[] Gather(IEnumerable<ChainElement> buffers)
    {
        var bytes = new List<byte>();
        foreach (var (_, descriptor, _) in buffers)
        {
            if (!ram.Holds(descriptor.Address, descriptor.Length) || bytes.Count + (long)descriptor.Length > MostBytes) break;
            var part = new byte[descriptor.Length];
            ram.Read(descriptor.Address, part);
            bytes.AddRange(part);
        }
        return [.. bytes];
    }

    private void TellLentMemory(Span written)
    {
        foreach (var chain in outstanding.ToArray())
        {
            var table = 0UL;
            foreach (var element in chain.Elements)
            {
                var entry = element.IsInTable ? table + (ulong)element.Slot * DescriptorSize : SlotAddress(element.Slot);
                if (element.IsTable && !element.IsInTable) table = element.Descriptor.Address;
                if (written.Touches(entry, DescriptorSize)) Tell(chain, $"descriptor {element.Slot}{(element.IsInTable ? " of the table" : "")}", entry, isRingEntry: true);
                if (!element.IsTable && written.Touches(element.Descriptor.Address, element.Descriptor.Length))
                    Tell(chain, element.IsWritable ? "a device-writable buffer" : "a device-readable buffer", element.Descriptor.Address, isRingEntry: false);
            }
        }
    }

    private void Tell(Chain chain, string what, ulong address, bool isRingEntry) => see(new LentMemoryWritten(chain, what, address, isRingEntry));

    /// <summary>Guest memory that was written.</summary>
    protected readonly record struct Span(ulong Start, ulong Length)
    {
        public bool Touches(ulong start, ulong length) => Length > 0 && length > 0 && Start <= start + (length - 1) && start <= Start + (Length - 1);
    }
}
