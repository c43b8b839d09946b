namespace Viommu.Guest.Transport;

/// <summary>A field of the legacy configuration structure at the start of BAR0's I/O region (4.1.4.10).</summary>
/// <param name="Offset">In bytes.</param>
/// <param name="Width">In bytes.</param>
public readonly record struct LegacyHeader(ushort Offset, int Width)
{
    /// <summary>Where device configuration starts while MSI-X is not enabled.</summary>
    public const ushort EndWithoutMsix = 20;

    /// <summary>Where device configuration starts while MSI-X is enabled.</summary>
    public const ushort EndWithMsix = 24;

#pragma warning disable CS1591 // The fields carry the spec's names, in the spec's order.
    public static readonly LegacyHeader DeviceFeatures = new(0, 4);
    public static readonly LegacyHeader DriverFeatures = new(4, 4);
    public static readonly LegacyHeader QueueAddress = new(8, 4);
    public static readonly LegacyHeader QueueSize = new(12, 2);
    public static readonly LegacyHeader QueueSelect = new(14, 2);
    public static readonly LegacyHeader QueueNotify = new(16, 2);
    public static readonly LegacyHeader DeviceStatus = new(18, 1);
    public static readonly LegacyHeader IsrStatus = new(19, 1);
    public static readonly LegacyHeader ConfigMsixVector = new(20, 2);
    public static readonly LegacyHeader QueueMsixVector = new(22, 2);
#pragma warning restore CS1591
}
