using Viommu.Guest.Transport;

namespace Viommu.Guest.Targets.Qemu;

/// <summary>What a device offers, read before any driver looks at it and without leaving a trace.</summary>
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

    // QEMU has one function with these structures.
    private static readonly PciAddress Function = new(0, Q35Board.IommuSlot, 0);

    // The list has at most as many entries as configuration space has room for; a longer walk is a loop.
    private const int MaxCapabilities = 48;

    /// <summary>Reads the 64 feature bits.
    /// Throws <see cref="TargetUnavailableException"/> where there is no common configuration.</summary>
    public static ulong Read(ITarget target) => target.Iommu is DeviceLocation.MmioSlot { Address: var registers }
        ? ReadWords(target, registers + MmioRegister.DeviceFeaturesSel, registers + MmioRegister.DeviceFeatures)
        : ReadFunction(target, Function);

    private static ulong ReadFunction(ITarget target, PciAddress function)
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
        throw new TargetUnavailableException($"the device at {function} has no common configuration structure");
    }

    private static ulong ReadThrough(ITarget target, PciAddress function, int bar, uint offset)
    {
        target.ConfigWrite(function, bar, 4, (uint)target.BarWindow.First);
        target.ConfigWrite(function, Command, 2, MemorySpace);
        var structure = target.BarWindow.First + offset;
        var offered = ReadWords(target, structure + FeatureSelect, structure + Feature);
        target.ConfigWrite(function, Command, 2, 0);
        target.ConfigWrite(function, bar, 4, 0);
        return offered;
    }

    private static ulong ReadWords(ITarget target, ulong select, ulong word)
    {
        target.MmioWrite(select, 4, 1);
        var high = target.MmioRead(word, 4);
        target.MmioWrite(select, 4, 0);
        return (high << 32) | target.MmioRead(word, 4);
    }
}
