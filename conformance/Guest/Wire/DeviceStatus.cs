namespace Viommu.Guest.Wire;

/// <summary>The device status field (2.1).</summary>
[Flags]
public enum DeviceStatus : byte
{
    /// <summary>Reset: the driver has not found the device yet.</summary>
    None = 0,

    /// <summary>ACKNOWLEDGE (1).</summary>
    Acknowledge = 1,

    /// <summary>DRIVER (2).</summary>
    Driver = 2,

    /// <summary>DRIVER_OK (4).</summary>
    DriverOk = 4,

    /// <summary>FEATURES_OK (8).</summary>
    FeaturesOk = 8,

    /// <summary>SUSPEND (16).</summary>
    Suspend = 16,

    /// <summary>DEVICE_NEEDS_RESET (64).</summary>
    NeedsReset = 64,

    /// <summary>FAILED (128).</summary>
    Failed = 128,
}
