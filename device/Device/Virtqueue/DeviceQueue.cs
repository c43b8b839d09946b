using Viommu.Device.Lifecycle;
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
        if (IsPossible(size, Features)) Size = size;
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

    /// <summary>Writes registers and positions; the features are those of the device.</summary>
    public void Save(StateWriter writer)
    {
        writer.U16(Size);
        writer.Flag(IsEnabled);
        writer.Flag(HasEarlyNotification);
        writer.U64(DescriptorArea);
        writer.U64(DriverArea);
        writer.U64(DeviceArea);
        Ring.Save(writer);
    }

    /// <summary>Reads what <see cref="Save"/> wrote, where <paramref name="features"/> were negotiated; the action takes it over.</summary>
    public Action Load(ref StateReader reader, VirtioFeatures features)
    {
        int start = reader.Position;
        ushort size = reader.U16();
        if (!IsPossible(size, features)) reader.Fail(StateFault.Value, start);
        bool isEnabled = reader.Flag();
        bool hasEarlyNotification = reader.Flag();
        ulong descriptorArea = reader.U64();
        ulong driverArea = reader.U64();
        ulong deviceArea = reader.U64();
        VirtqueueRing ring = features.HasFlag(VirtioFeatures.RingPacked) ? _packed : _split;
        var loadRing = ring.Load(ref reader, size);
        return () =>
        {
            Reset();
            Features = features;
            Size = size;
            IsEnabled = isEnabled;
            HasEarlyNotification = hasEarlyNotification;
            DescriptorArea = descriptorArea;
            DriverArea = driverArea;
            DeviceArea = deviceArea;
            loadRing();
        };
    }

    private bool IsPossible(ushort size, VirtioFeatures features) =>
        size <= _maximumSize && ((features & VirtioFeatures.RingPacked) != 0 ? size > 0 : ushort.IsPow2(size));
}
