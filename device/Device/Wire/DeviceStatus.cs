namespace Viommu.Device.Wire;

/// <summary>The device status field (section 2.1).</summary>
[Flags]
internal enum DeviceStatus : byte
{
    None = 0,
    Acknowledge = 1,
    Driver = 2,
    DriverOk = 4,
    FeaturesOk = 8,
    Suspend = 16,
    DeviceNeedsReset = 64,
    Failed = 128,
}
