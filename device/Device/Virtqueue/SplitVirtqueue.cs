using System.Buffers.Binary;
using Viommu.Device.Memory;
using Viommu.Device.Wire;

namespace Viommu.Device.Virtqueue;

/// <summary>The device's side of one split virtqueue (section 2.7).</summary>
internal sealed class SplitVirtqueue
{
    private readonly IGuestMemory _memory;
    private readonly ushort _maximumSize;
    private readonly BufferSegment[] _scratch;

    // All three count modulo 2^16, as the indices in memory do.
    private ushort _availableSeen;
    private ushort _nextAvailable;
    private ushort _nextUsed;

    private ushort _nextUsedAtLastDecision;

    public SplitVirtqueue(IGuestMemory memory, ushort maximumSize)
    {
        _memory = memory;
        _maximumSize = maximumSize;
        _scratch = new BufferSegment[maximumSize];
        Size = maximumSize;
    }

    /// <summary>Queue size in descriptors, a power of two.</summary>
    public ushort Size { get; private set; }

    public bool IsEnabled { get; private set; }

    public ulong DescriptorArea { get; set; }

    public ulong DriverArea { get; set; }

    public ulong DeviceArea { get; set; }

    /// <summary>The features negotiated for the device; they outlive a queue reset.</summary>
    public VirtioFeatures Features { get; set; }

    /// <summary>The driver notified the device while it could not look at the queue.</summary>
    public bool HasEarlyNotification { get; set; }

    private bool HasEventIndex => (Features & VirtioFeatures.EventIndex) != 0;

    private bool HasIndirectDescriptors => (Features & VirtioFeatures.IndirectDescriptors) != 0;

    /// <summary>The driver reduces the queue size. A size that no split queue can have is not taken over.</summary>
    public void TrySetSize(ushort size)
    {
        if (size <= _maximumSize && ushort.IsPow2(size)) Size = size;
    }

    public void Enable() => IsEnabled = true;

    /// <summary>CORE-VQRESET-D-02: everything goes back to its default, the indices included.</summary>
    public void Reset()
    {
        Size = _maximumSize;
        IsEnabled = false;
        HasEarlyNotification = false;
        DescriptorArea = DriverArea = DeviceArea = 0;
        _availableSeen = _nextAvailable = _nextUsed = _nextUsedAtLastDecision = 0;
    }

    /// <summary>
    /// Takes the next chain off the available ring; <paramref name="isEmpty"/> where there is none, after the driver was asked to
    /// notify of the next one.
    /// </summary>
    public ChainFault TryTake(out DescriptorChain chain, out bool isEmpty)
    {
        chain = default;
        var fault = FindAvailable(out isEmpty);
        if (fault != ChainFault.None || isEmpty) return fault;

        int slot = _nextAvailable & (Size - 1);
        if (!TryReadU16(DriverArea, SplitRing.AvailEntry(slot), out ushort head)) return ChainFault.AvailableRingUnreadable;
        var table = new DescriptorTable(new(DescriptorArea), Size);
        fault = DescriptorChain.TryWalk(_memory, table, head, HasIndirectDescriptors, _scratch.AsSpan(0, Size), out chain);
        if (fault == ChainFault.None) _nextAvailable++;
        return fault;
    }

    /// <summary>
    /// Returns a chain with <paramref name="written"/> bytes written. SPLIT-USED-D-01: the element is stored before the index moves.
    /// Chains are returned in the order in which they are taken, which is what VIRTIO_F_IN_ORDER asks for.
    /// </summary>
    public ChainFault Return(ushort head, uint written)
    {
        Span<byte> element = stackalloc byte[SplitRing.UsedElementSize];
        BinaryPrimitives.WriteUInt32LittleEndian(element, head);
        BinaryPrimitives.WriteUInt32LittleEndian(element[4..], written);
        if (!TryWrite(DeviceArea, SplitRing.UsedEntry(_nextUsed & (Size - 1)), element)) return ChainFault.UsedRingUnwritable;

        _nextUsed++;
        // SPLIT-AVAILSUPP-D-01/-03: the flags in front of the index are always 0.
        Span<byte> flagsAndIndex = stackalloc byte[4];
        BinaryPrimitives.WriteUInt16LittleEndian(flagsAndIndex, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(flagsAndIndex[2..], _nextUsed);
        return TryWrite(DeviceArea, SplitRing.UsedFlags, flagsAndIndex) ? ChainFault.None : ChainFault.UsedRingUnwritable;
    }

    /// <summary>Whether the driver wants to be notified of the chains returned since this was last asked (section 2.7.7).</summary>
    public ChainFault NeedsNotification(out bool needed)
    {
        needed = false;
        ushort before = _nextUsedAtLastDecision;
        if (before == _nextUsed) return ChainFault.None;
        _nextUsedAtLastDecision = _nextUsed;

        // SPLIT-USEDSUPP-D-01/-04: with EVENT_IDX only used_event counts, without it only the flag.
        ulong offset = HasEventIndex ? SplitRing.UsedEvent(Size) : SplitRing.AvailFlags;
        if (!TryReadU16(DriverArea, offset, out ushort wish)) return ChainFault.AvailableRingUnreadable;
        needed = HasEventIndex
            // SPLIT-USEDSUPP-D-05/-06: one of the entries [before, _nextUsed) was written at index used_event.
            ? (ushort)(_nextUsed - wish - 1) < (ushort)(_nextUsed - before)
            : (wish & SplitRing.NoInterrupt) == 0;
        return ChainFault.None;
    }

    private ChainFault FindAvailable(out bool isEmpty)
    {
        isEmpty = false;
        if (_nextAvailable != _availableSeen) return ChainFault.None;
        var fault = ReadAvailableIndex();
        if (fault != ChainFault.None || _nextAvailable != _availableSeen) return fault;

        if (HasEventIndex)
        {
            // The driver may have added a buffer, and found avail_event stale, before this write: hence the second look.
            Span<byte> next = stackalloc byte[2];
            BinaryPrimitives.WriteUInt16LittleEndian(next, _nextAvailable);
            if (!TryWrite(DeviceArea, SplitRing.AvailEvent(Size), next)) return ChainFault.UsedRingUnwritable;
            fault = ReadAvailableIndex();
        }

        isEmpty = _nextAvailable == _availableSeen;
        return fault;
    }

    private ChainFault ReadAvailableIndex()
    {
        if (!TryReadU16(DriverArea, SplitRing.AvailIndex, out ushort index)) return ChainFault.AvailableRingUnreadable;
        if ((ushort)(index - _nextAvailable) > Size) return ChainFault.AvailableIndexJump;
        _availableSeen = index;
        return ChainFault.None;
    }

    private bool TryReadU16(ulong area, ulong offset, out ushort value)
    {
        Span<byte> bytes = stackalloc byte[2];
        bool read = new GuestAddress(area).TryOffset(offset, out var address) && _memory.TryRead(address, bytes);
        value = BinaryPrimitives.ReadUInt16LittleEndian(bytes);
        return read;
    }

    private bool TryWrite(ulong area, ulong offset, ReadOnlySpan<byte> bytes) =>
        new GuestAddress(area).TryOffset(offset, out var address) && _memory.TryWrite(address, bytes);
}
