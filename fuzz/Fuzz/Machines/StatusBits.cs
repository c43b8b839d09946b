using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Machines;

/// <summary>Bits of the device status (section 2.1), as wide as a register.</summary>
internal static class StatusBits
{
    public const uint Acknowledge = (uint)DeviceStatus.Acknowledge;
    public const uint Driver = (uint)DeviceStatus.Driver;
    public const uint DriverOk = (uint)DeviceStatus.DriverOk;
    public const uint FeaturesOk = (uint)DeviceStatus.FeaturesOk;
    public const uint Suspend = (uint)DeviceStatus.Suspend;
    public const uint NeedsReset = (uint)DeviceStatus.NeedsReset;

    /// <summary>The driver has found the device (section 3.1.1, steps 2 and 3).</summary>
    public const uint Found = Acknowledge | Driver;

    /// <summary>Features are negotiated (step 5).</summary>
    public const uint Negotiated = Found | FeaturesOk;

    /// <summary>The device is live (step 8).</summary>
    public const uint Live = Negotiated | DriverOk;
}
