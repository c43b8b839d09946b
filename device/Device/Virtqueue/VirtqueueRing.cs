using Viommu.Device.Lifecycle;
using Viommu.Device.Memory;
using Viommu.Device.Wire;

namespace Viommu.Device.Virtqueue;

/// <summary>
/// The device's side of the rings of one virtqueue, in either format. Chains are returned in the order in which they are taken, which is
/// what VIRTIO_F_IN_ORDER asks for. The driver sees what was returned once it is published: until then it cannot use the room again, so
/// that the queue size bounds what is taken between two publications, whatever another processor writes meanwhile. Every access of the
/// driver ends with a publication.
/// </summary>
internal abstract class VirtqueueRing(IGuestMemory memory, DeviceQueue queue, BufferSegment[] scratch)
{
    // The chain returned last, and the ring entries of the batch that ends with it. The others of the batch need no entry of their own.
    private ushort _lastId;
    private uint _lastWritten;
    private bool _isLastFull;
    private int _batchEntries;

    protected IGuestMemory Memory => memory;

    protected DeviceQueue Queue => queue;

    /// <summary>Room for the longest chain.</summary>
    protected Span<BufferSegment> Scratch => scratch.AsSpan(0, queue.Size);

    /// <summary>The rings are as a driver starts with them.</summary>
    public abstract void Reset();

    /// <summary>
    /// Takes the next available chain; <paramref name="isEmpty"/> where there is none, after the driver was asked to notify of the next
    /// one. Each descriptor is read once.
    /// </summary>
    public abstract ChainFault TryTake(out DescriptorChain chain, out bool isEmpty);

    /// <summary>
    /// Whether everything before <paramref name="announced"/> was taken: next_off and next_wrap of a notification (section 2.9), the
    /// latter in bit 15.
    /// </summary>
    public abstract bool HasReached(ushort announced);

    /// <summary>Returns a chain with <paramref name="written"/> bytes written.</summary>
    public ChainFault Return(in DescriptorChain chain, uint written)
    {
        // Sections 2.7.9 and 2.8.8: of a buffer that a batch skips the driver assumes that it was written to its end.
        bool isSkipping = _isLastFull && queue.Has(VirtioFeatures.InOrder);
        var fault = isSkipping ? ChainFault.None : EndBatch();
        _lastId = chain.Id;
        _lastWritten = written;
        _isLastFull = written == chain.WritableLength;
        _batchEntries += chain.Entries;
        return fault;
    }

    /// <summary>Shows the driver what was returned, and tells whether it wants to be notified of that.</summary>
    public ChainFault Publish(out bool isNotificationWanted)
    {
        var fault = EndBatch();
        var unpublished = PublishUsed(out isNotificationWanted);
        return fault != ChainFault.None ? fault : unpublished;
    }

    /// <summary>Writes the positions in the rings. Between two accesses of the driver everything used is published.</summary>
    public abstract void Save(StateWriter writer);

    /// <summary>Reads what <see cref="Save"/> wrote, for a queue of <paramref name="size"/> descriptors; the action takes it over.</summary>
    public abstract Action Load(ref StateReader reader, ushort size);

    /// <summary>Marks the next <paramref name="entries"/> of the ring used, the last of them by the chain <paramref name="id"/>.</summary>
    protected abstract ChainFault Use(ushort id, uint written, int entries);

    /// <summary>Shows the driver what was used.</summary>
    protected abstract ChainFault PublishUsed(out bool isNotificationWanted);

    protected bool TryRead(ulong area, ulong offset, Span<byte> into) =>
        new GuestAddress(area).TryOffset(offset, out var address) && memory.TryRead(address, into);

    protected bool TryWrite(ulong area, ulong offset, ReadOnlySpan<byte> bytes) =>
        new GuestAddress(area).TryOffset(offset, out var address) && memory.TryWrite(address, bytes);

    private ChainFault EndBatch()
    {
        if (_batchEntries == 0) return ChainFault.None;
        var fault = Use(_lastId, _lastWritten, _batchEntries);
        _batchEntries = 0;
        return fault;
    }
}
