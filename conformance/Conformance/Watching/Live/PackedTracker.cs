using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;

namespace Viommu.Conformance.Watching.Live;

/// <summary>Follows a packed virtqueue (2.8).</summary>
internal sealed class PackedTracker(int queue, ushort size, QueueAddresses at, IGuestRam ram, bool inOrder, Action<Observation> see)
    : RingTracker(queue, size, ram, see)
{
    // 2.8.1: both wrap counters start at 1.
    private Place available = new(0, true);
    private Place used = new(0, true);

    protected override bool FlagsComeLast => true;

    // 2.8
    protected override IEnumerable<Span> Parts => [new(at.Descriptors, 16UL * Size), new(at.Driver, 4), new(at.Device, 4)];

    /// <inheritdoc/>
    public override void LookForUsed()
    {
        for (var left = Size; left > 0 && IsUsed(used, out var descriptor); left--)
        {
            // 2.8.4: without the Write flag nothing was written, and the length says nothing.
            var length = (descriptor.Flags & DescriptorFlags.Write) != 0 ? descriptor.Length : 0;
            var batch = Return(descriptor.NextOrId, length, inOrder);
            used = used.Ahead(Math.Max(1, batch.Sum(chain => chain.RingDescriptors)), Size);
        }
    }

    protected override ulong SlotAddress(int slot) => at.Descriptors + 16UL * (uint)slot;

    protected override void TellRing(Span written)
    {
        if (written.Touches(at.Driver, 2)) See(new RingWritten(Queue, RingField.DriverEventDescriptor, 0, Read16(at.Driver)));
        if (written.Touches(at.Driver + 2, 2)) See(new RingWritten(Queue, RingField.DriverEventFlags, 0, Read16(at.Driver + 2)));
        if (written.Touches(at.Device, 4)) See(new RingWritten(Queue, RingField.DeviceArea, 0, 0));
        if (!written.Touches(at.Descriptors, 16UL * Size)) return;
        for (var slot = 0; slot < Size; slot++)
        {
            if (written.Touches(SlotAddress(slot), 16) && TryReadDescriptor(SlotAddress(slot), out var descriptor)) See(new DescriptorWritten(Queue, slot, descriptor));
        }
        LookForAvailable();
    }

    /// <inheritdoc/>
    public override void LookForAvailable()
    {
        for (var left = Size; left > 0 && IsAvailable(available, out _); left--) Publish(Walk());
    }

    private Chain Walk()
    {
        var elements = new List<ChainElement>();
        var position = available.Slot;
        for (string? fault = null; ;)
        {
            if (elements.Count >= Size) fault = "it does not end within the queue's size";
            else if (!IsAvailable(available, out var descriptor)) fault = $"descriptor {available.Slot} of it is not available";
            else
            {
                var element = new ChainElement(available.Slot, descriptor, IsInTable: false);
                elements.Add(element);
                available = available.Ahead(1, Size);
                if (element.IsTable)
                {
                    var table = ReadTable(descriptor);
                    if (table.Count == 0) fault = "its indirect table is empty or not in memory";
                    elements.AddRange(table.Select((entry, slot) => new ChainElement(slot, entry, IsInTable: true)));
                }
                if (fault is null && (descriptor.Flags & DescriptorFlags.Next) != 0) continue;
            }
            var last = elements.FindLast(element => !element.IsInTable);
            return Make(last.Descriptor.NextOrId, elements, position, fault);
        }
    }

    private bool IsAvailable(Place place, out RingDescriptor descriptor) =>
        TryReadDescriptor(SlotAddress(place.Slot), out descriptor)
        && (descriptor.Flags & DescriptorFlags.Available) != 0 == place.Wrap && (descriptor.Flags & DescriptorFlags.Used) != 0 != place.Wrap;

    private bool IsUsed(Place place, out RingDescriptor descriptor) =>
        TryReadDescriptor(SlotAddress(place.Slot), out descriptor)
        && (descriptor.Flags & DescriptorFlags.Available) != 0 == place.Wrap && (descriptor.Flags & DescriptorFlags.Used) != 0 == place.Wrap;

    /// <summary>A place in the ring with its wrap counter.</summary>
    private readonly record struct Place(int Slot, bool Wrap)
    {
        public Place Ahead(int entries, int size) => new((Slot + entries) % size, Wrap ^ ((Slot + entries) / size & 1) != 0);
    }
}
