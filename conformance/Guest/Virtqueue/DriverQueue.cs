using System.Buffers.Binary;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Guest.Virtqueue;

/// <summary>
/// The driver's side of a virtqueue (2.6), split or packed: lends chains to the device, takes them back, and knows when the device
/// wants to be told. Each kind has raw access to its memory besides, rightly or wrongly used.
/// </summary>
public abstract class DriverQueue
{
    private readonly IGuestRam ram;
    private readonly bool inOrder;
    private readonly Dictionary<ushort, LentChain> lent = [];
    private readonly Queue<ushort> order = new();
    private readonly Queue<UsedElement> completed = new();

    private protected DriverQueue(IGuestRam ram, int number, ushort size, ulong negotiated)
    {
        this.ram = ram;
        Number = number;
        Size = size;
        inOrder = (negotiated & Features.InOrder) != 0;
        EventIdx = (negotiated & Features.EventIdx) != 0;
    }

    /// <summary>The queue's number.</summary>
    public int Number { get; }

    /// <summary>Size in descriptors.</summary>
    public ushort Size { get; }

    /// <summary>Where the three areas are.</summary>
    public abstract QueueAddresses Addresses { get; }

    /// <summary>The three areas by the names that the ring's section gives them, with their lengths in bytes.</summary>
    public abstract IReadOnlyList<(string Name, ulong Address, int Length)> Areas { get; }

    /// <summary>Where in the last of the <see cref="Areas"/> the device says which notifications it wants.</summary>
    public abstract IReadOnlyList<Range> NotificationWishes { get; }

    /// <summary>
    /// Where the driver goes on, as a driver notification carries it (2.9): next_off in bits 0 to 14, next_wrap in bit 15. In a split
    /// ring that is the available index.
    /// </summary>
    public abstract ushort Position { get; }

    /// <summary>EVENT_IDX was negotiated.</summary>
    private protected bool EventIdx { get; }

    /// <summary>
    /// Makes a chain of <paramref name="elements"/> available; <paramref name="table"/> gives room for an indirect table of so many
    /// descriptors, into which the last <paramref name="indirect"/> elements go. Returns what a used element will name: see
    /// <see cref="UsedElement.Id"/>. Throws <see cref="QueueTooSmallException"/> where too few descriptors are free.
    /// </summary>
    public ushort Lend(IReadOnlyList<BufferElement> elements, int indirect = 0, Func<int, ulong>? table = null)
    {
        if (elements.Count == 0) throw new ArgumentException("a buffer has at least one element", nameof(elements));
        if (indirect < 0 || indirect > elements.Count) throw new ArgumentOutOfRangeException(nameof(indirect));
        if (indirect > 0 && table is null) throw new ArgumentException("indirect descriptors need a table", nameof(table));
        var chain = Publish(elements, indirect, table ?? (_ => 0));
        lent[chain.Id] = chain;
        if (inOrder) order.Enqueue(chain.Id);
        return chain.Id;
    }

    /// <summary>
    /// Takes the next chain that the device has used, if there is one. With IN_ORDER one element of the device can stand for a batch
    /// (2.7.9, 2.8.8): the chains before the one it names come first, as used completely. An element that names nothing lent is
    /// handed out as it is. Throws <see cref="DeviceViolationException"/> where the batch cannot be what the device counted.
    /// </summary>
    public bool TryTakeUsed(out UsedElement element)
    {
        if (completed.TryDequeue(out element)) return true;
        if (!TryReadUsed(out element)) return false;
        if (element.Id > ushort.MaxValue || !lent.TryGetValue((ushort)element.Id, out var named))
        {
            Skip(1, DescriptorsOfUnknown(element.Id));
            return true;
        }
        var batch = BatchUpTo(named);
        foreach (var chain in batch)
        {
            lent.Remove(chain.Id);
            Free(chain);
            completed.Enqueue(chain == named ? element : new UsedElement(chain.Id, chain.WritableLength));
        }
        Skip(batch.Count, batch.Sum(chain => chain.Descriptors));
        element = completed.Dequeue();
        return true;
    }

    /// <summary>Whether the device asks to be notified of what was made available since the driver was at <paramref name="since"/> (a former <see cref="Position"/>).</summary>
    public abstract bool WantsNotification(ushort since);

    /// <summary>Writes the descriptors, the first last, and moves <see cref="Position"/>.</summary>
    private protected abstract LentChain Publish(IReadOnlyList<BufferElement> elements, int indirect, Func<int, ulong> table);

    /// <summary>Reads what the device wrote where its next used element is due; false where it has not got there.</summary>
    private protected abstract bool TryReadUsed(out UsedElement element);

    /// <summary>Moves to where the next used element is due, behind so many chains of so many descriptors.</summary>
    private protected abstract void Skip(int chains, int descriptors);

    /// <summary>How many descriptors of the ring are behind an element that names no chain of the driver's own.</summary>
    private protected virtual int DescriptorsOfUnknown(uint id) => 1;

    /// <summary>Makes the descriptors of a chain that came back free.</summary>
    private protected abstract void Free(LentChain chain);

    private protected ushort Read16(ulong address)
    {
        Span<byte> bytes = stackalloc byte[2];
        ram.Read(address, bytes);
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }

    private protected void Write16(ulong address, ushort value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
        ram.Write(address, bytes);
    }

    private protected QueueTooSmallException NoRoom(int free, int needed) =>
        new($"queue {Number} has {Size} descriptors, {free} of them free; a chain of {needed} does not fit");

    private protected static uint WritableLengthOf(IEnumerable<BufferElement> elements) =>
        elements.Aggregate(0u, (sum, element) => element.IsWritable ? unchecked(sum + element.Length) : sum);

    private List<LentChain> BatchUpTo(LentChain last)
    {
        if (!inOrder) return [last];
        var batch = new List<LentChain>();
        do batch.Add(lent[order.Dequeue()]);
        while (batch[^1] != last);
        return batch;
    }

    /// <summary>A chain that the device has.</summary>
    /// <param name="Id">What a used element names it by.</param>
    /// <param name="Slots">The entries that it takes in a split ring's descriptor table.</param>
    /// <param name="Descriptors">How many descriptors of the ring it takes.</param>
    /// <param name="WritableLength">Bytes that the device may write.</param>
    private protected sealed record LentChain(ushort Id, ushort[] Slots, int Descriptors, uint WritableLength);
}
