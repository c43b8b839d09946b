using Viommu.Device.Memory;
using Viommu.Device.Wire;

namespace Viommu.Device.Virtqueue;

/// <summary>One virtqueue (section 2.6): what a transport has registers for, and its rings in the format that was negotiated.</summary>
internal sealed class DeviceQueue
{
    private readonly ushort _maximumSize;
    private readonly SplitVirtqueue _split;
    private readonly PackedVirtqueue _packed;

    public DeviceQueue(IGuestMemory memory, ushort maximumSize)
    {
        _maximumSize = maximumSize;
        var scratch = new BufferSegment[maximumSize];
        _split = new(memory, this, scratch);
        _packed = new(memory, this, scratch);
        Size = maximumSize;
    }

    /// <summary>Queue size in descriptors; a power of two unless the ring is packed.</summary>
    public ushort Size { get; private set; }

    public bool IsEnabled { get; private set; }

    public ulong DescriptorArea { get; set; }

    public ulong DriverArea { get; set; }

    public ulong DeviceArea { get; set; }

    /// <summary>The features negotiated for the device; they outlive a queue reset.</summary>
    public VirtioFeatures Features { get; set; }

    /// <summary>The driver notified the device while it could not look at the queue.</summary>
    public bool HasEarlyNotification { get; set; }

    /// <summary>The device's side of the rings.</summary>
    public VirtqueueRing Ring => Has(VirtioFeatures.RingPacked) ? _packed : _split;

    public bool Has(VirtioFeatures feature) => (Features & feature) != 0;

    /// <summary>The driver reduces the queue size. A size that no queue of this format can have is not taken over.</summary>
    public void TrySetSize(ushort size)
    {
        bool isPossible = Has(VirtioFeatures.RingPacked) ? size > 0 : ushort.IsPow2(size);
        if (isPossible && size <= _maximumSize) Size = size;
    }

    public void Enable() => IsEnabled = true;

    /// <summary>CORE-VQRESET-D-02: everything goes back to its default, the positions in the rings included.</summary>
    public void Reset()
    {
        Size = _maximumSize;
        IsEnabled = false;
        HasEarlyNotification = false;
        DescriptorArea = DriverArea = DeviceArea = 0;
        _split.Reset();
        _packed.Reset();
    }
}
