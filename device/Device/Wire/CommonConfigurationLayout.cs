namespace Viommu.Device.Wire;

/// <summary>struct virtio_pci_common_cfg (section 4.1.4.3): offsets in bytes.</summary>
internal static class CommonConfigurationLayout
{
    public const int DeviceFeatureSelect = 0x00;
    public const int DeviceFeature = 0x04;
    public const int DriverFeatureSelect = 0x08;
    public const int DriverFeature = 0x0c;
    public const int ConfigMsixVector = 0x10;
    public const int NumQueues = 0x12;
    public const int DeviceStatus = 0x14;
    public const int ConfigGeneration = 0x15;
    public const int QueueSelect = 0x16;
    public const int QueueSize = 0x18;
    public const int QueueMsixVector = 0x1a;
    public const int QueueEnable = 0x1c;
    public const int QueueNotifyOff = 0x1e;
    public const int QueueDescLow = 0x20;
    public const int QueueDescHigh = 0x24;
    public const int QueueDriverLow = 0x28;
    public const int QueueDriverHigh = 0x2c;
    public const int QueueDeviceLow = 0x30;
    public const int QueueDeviceHigh = 0x34;
    public const int QueueNotifConfigData = 0x38;
    public const int QueueReset = 0x3a;
    public const int AdminQueueIndex = 0x3c;
    public const int AdminQueueNum = 0x3e;
    public const int Size = 0x40;

    /// <summary>VIRTIO_MSI_NO_VECTOR.</summary>
    public const ushort NoVector = 0xffff;
}
