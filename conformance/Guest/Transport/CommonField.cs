namespace Viommu.Guest.Transport;

/// <summary>A field of struct virtio_pci_common_cfg (4.1.4.3). 64-bit fields are two 32-bit halves, as they may always be accessed.</summary>
/// <param name="Offset">In bytes from the start of the structure.</param>
/// <param name="Width">In bytes.</param>
public readonly record struct CommonField(uint Offset, int Width)
{
#pragma warning disable CS1591 // The fields carry the spec's names, in the spec's order.
    public static readonly CommonField DeviceFeatureSelect = new(0x00, 4);
    public static readonly CommonField DeviceFeature = new(0x04, 4);
    public static readonly CommonField DriverFeatureSelect = new(0x08, 4);
    public static readonly CommonField DriverFeature = new(0x0c, 4);
    public static readonly CommonField ConfigMsixVector = new(0x10, 2);
    public static readonly CommonField NumQueues = new(0x12, 2);
    public static readonly CommonField DeviceStatus = new(0x14, 1);
    public static readonly CommonField ConfigGeneration = new(0x15, 1);
    public static readonly CommonField QueueSelect = new(0x16, 2);
    public static readonly CommonField QueueSize = new(0x18, 2);
    public static readonly CommonField QueueMsixVector = new(0x1a, 2);
    public static readonly CommonField QueueEnable = new(0x1c, 2);
    public static readonly CommonField QueueNotifyOff = new(0x1e, 2);
    public static readonly CommonField QueueDescLow = new(0x20, 4);
    public static readonly CommonField QueueDescHigh = new(0x24, 4);
    public static readonly CommonField QueueDriverLow = new(0x28, 4);
    public static readonly CommonField QueueDriverHigh = new(0x2c, 4);
    public static readonly CommonField QueueDeviceLow = new(0x30, 4);
    public static readonly CommonField QueueDeviceHigh = new(0x34, 4);
    public static readonly CommonField QueueNotifConfigData = new(0x38, 2);
    public static readonly CommonField QueueReset = new(0x3a, 2);
#pragma warning restore CS1591
}
