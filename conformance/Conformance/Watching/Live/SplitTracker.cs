using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;

namespace Viommu.Conformance.Watching.Live;

/// <summary>Follows a split virtqueue (2.7).</summary>
internal sealed class SplitTracker(int queue, ushort size, QueueAddresses at, IGuestRam ram, bool inOrder, Action<Observation> see)
    : RingTracker(queue, size, ram, see)
{
    private ushort available;
    private ushort used;
    private (ushort Flags, ushort Event)? wished;
    private ushort flagsTold;

    protected override bool FlagsComeLast => false;

    // 2.7
    protected override IEnumerable<Span> Parts => [new(at.Descriptors, 16UL * Size), new(at.Driver, 6 + 2UL * Size), new(at.Device, 6 + 8UL * Size)];

    private ulong UsedEventAt => at.Driver + 4 + 2UL * Size;

    /// <inheritdoc/>
    public override void TellLayout()
    {
        flagsTold = Read16(at.Driver);
        See(new RingLaidOut(Queue, flagsTold, Read16(at.Device)));
    }

    /// <inheritdoc/>
    public override void LookForUsed()
    {
        var wishes = (Read16(at.Device), Read16(at.Device + 4 + 8UL * Size));
        if (wishes != wished)
        {
            wished = wishes;
            See(new NotificationsWished(Queue, wishes.Item1, wishes.Item2));
        }
        for (var left = Size; used != Read16(at.Device + 2) && left > 0; left--)
        {
            var element = at.Device + 4 + 8UL * (uint)(used % Size);
            used += (ushort)Math.Max(1, Return(Read32(element), Read32(element + 4), inOrder).Count);
        }
    }

    /// <inheritdoc/>
    public override void LookForAvailable()
    {
        var flags = Read16(at.Driver);
        if (flags != flagsTold) See(new RingWritten(Queue, RingField.AvailFlags, 0, flags));
        flagsTold = flags;
        TellAvailable(Read16(at.Driver + 2));
    }

    protected override ulong SlotAddress(int slot) => at.Descriptors + 16UL * (uint)slot;

    protected override void TellRing(Span written)
    {
        for (var slot = 0; slot < Size && written.Touches(at.Descriptors, 16UL * Size); slot++)
        {
            if (written.Touches(SlotAddress(slot), 16) && TryReadDescriptor(SlotAddress(slot), out var descriptor)) See(new DescriptorWritten(Queue, slot, descriptor));
        }
        for (var slot = 0; slot < Size && written.Touches(at.Driver + 4, 2UL * Size); slot++) Tell(written, at.Driver + 4 + 2UL * (uint)slot, RingField.AvailEntry, slot);
        Tell(written, at.Driver, RingField.AvailFlags, 0);
        Tell(written, UsedEventAt, RingField.UsedEvent, 0);
        if (written.Touches(at.Device, 6 + 8UL * Size)) See(new RingWritten(Queue, RingField.DeviceArea, (int)(written.Start - Math.Min(written.Start, at.Device)), 0));
        if (Tell(written, at.Driver + 2, RingField.AvailIndex, 0)) TellAvailable(Read16(at.Driver + 2));
    }

    private bool Tell(Span written, ulong address, RingField field, int index)
    {
        if (!written.Touches(address, 2)) return false;
        See(new RingWritten(Queue, field, index, Read16(address)));
        return true;
    }

    private void TellAvailable(ushort index)
    {
        // An index that moves on by more than there are descriptors, or back, makes nothing available that could be followed.
        if ((ushort)(index - available) > Size) return;
        while (available != index)
        {
            var head = Read16(at.Driver + 4 + 2UL * (uint)(available % Size));
            var position = available++;
            Publish(Walk(head, position));
        }
    }

    private Chain Walk(ushort head, ushort position)
    {
        var elements = new List<ChainElement>();
        string? fault = null;
        for (int slot = head; ;)
        {
            if (slot >= Size) fault = $"descriptor {slot} is none of {Size}";
            else if (elements.Count >= Size) fault = "it does not end within the queue's size";
            if (fault is not null || !TryReadDescriptor(SlotAddress(slot), out var descriptor)) break;
            var element = new ChainElement(slot, descriptor, IsInTable: false);
            elements.Add(element);
            if (element.IsTable) fault = WalkTable(descriptor, elements);
            if (element.IsTable || (descriptor.Flags & DescriptorFlags.Next) == 0) break;
            slot = descriptor.NextOrId;
        }
        return Make(head, elements, position, fault);
    }

    private string? WalkTable(RingDescriptor reference, List<ChainElement> elements)
    {
        var table = ReadTable(reference);
        if (table.Count == 0) return "its indirect table is empty or not in memory";
        for (int slot = 0, taken = 0; ; taken++)
        {
            if (slot >= table.Count) return $"entry {slot} is none of the {table.Count} of its indirect table";
            if (taken >= table.Count) return "its indirect table loops";
            elements.Add(new ChainElement(slot, table[slot], IsInTable: true));
            if ((table[slot].Flags & DescriptorFlags.Next) == 0) return null;
            slot = table[slot].NextOrId;
        }
    }
}
