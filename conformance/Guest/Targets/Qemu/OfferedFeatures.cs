namespace Viommu.Guest.Targets.Qemu;

/// <summary>What a virtio-pci device offers, read before any driver looks at it and without leaving a trace.</summary>
internal static class OfferedFeatures
{
    private const int Command = 0x04;
    private const int Bar0 = 0x10;
    private const int CapabilitiesPointer = 0x34;
    private const uint MemorySpace = 2;

    // virtio 1.4 section 4.1.4: struct virtio_pci_cap; 4.1.4.3: device_feature_select and device_feature.
    private const uint VendorCapability = 0x09;
    private const uint CommonConfiguration = 1;
    private const int CapabilityType = 3;
    private const int CapabilityBar = 4;
    private const int CapabilityOffset = 8;
    private const int FeatureSelect = 0;
    private const int Feature = 4;

    // The list has at most as many entries as configuration space has room for; a longer walk is a loop.
    private const int MaxCapabilities = 48;

    /// <summary>Reads the 64 feature bits.
    /// Throws <see cref="TargetUnavailableException"/> where there is no common configuration.</summary>
    public static ulong Read(ITarget target, PciAddress function)
    {
        var at = (int)target.ConfigRead(function, CapabilitiesPointer, 1) & ~3;
        for (var seen = 0; at != 0 && seen < MaxCapabilities; seen++)
        {
            if (target.ConfigRead(function, at, 1) == VendorCapability
                && target.ConfigRead(function, at + CapabilityType, 1) == CommonConfiguration)
            {
                var bar = (int)target.ConfigRead(function, at + CapabilityBar, 1);
                return ReadThrough(target, function, Bar0 + (4 * bar), target.ConfigRead(function, at + CapabilityOffset, 4));
            }
            at = (int)target.ConfigRead(function, at + 1, 1) & ~3;
        }
        throw new TargetUnavailableException($"the {QemuProgram.IommuModel} at {function} has no common configuration structure");
    }

    private static ulong ReadThrough(ITarget target, PciAddress function, int bar, uint offset)
    {
        target.ConfigWrite(function, bar, 4, (uint)target.BarWindow.First);
        target.ConfigWrite(function, Command, 2, MemorySpace);
        var structure = target.BarWindow.First + offset;
        target.MmioWrite(structure + FeatureSelect, 4, 1);
        var high = target.MmioRead(structure + Feature, 4);
        target.MmioWrite(structure + FeatureSelect, 4, 0);
        var low = target.MmioRead(structure + Feature, 4);
        target.ConfigWrite(function, Command, 2, 0);
        target.ConfigWrite(function, bar, 4, 0);
        return (high << 32) | low;
    }
}
