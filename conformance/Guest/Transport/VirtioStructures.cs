using Viommu.Guest.Pci;

namespace Viommu.Guest.Transport;

/// <summary>Where a function's virtio structures are (4.1.4), as guest-physical addresses.</summary>
/// <param name="Common">Common configuration.</param>
/// <param name="Notify">Notifications.</param>
/// <param name="NotifyMultiplier">Distance between the notification addresses of two queue_notify_off values, in bytes.</param>
/// <param name="Isr">ISR status.</param>
/// <param name="Device">Device-specific configuration.</param>
public sealed record VirtioStructures(ulong Common, ulong Notify, uint NotifyMultiplier, ulong Isr, ulong Device)
{
    /// <summary>Length of the device-specific configuration in bytes.</summary>
    public uint DeviceLength { get; init; } = uint.MaxValue;

    /// <summary>
    /// Takes the first capability of each type that points into a BAR, as a driver should (4.1.4); throws
    /// <see cref="GuestSetupException"/> where one of the four is missing.
    /// </summary>
    public static VirtioStructures Find(PciFunction function)
    {
        var addresses = new ulong[6];
        var (multiplier, deviceLength) = (0u, 0u);
        foreach (var capability in function.Capabilities())
        {
            if (capability.Id != PciCapability.VendorSpecific) continue;
            var type = (int)function.Read(capability.Offset + 3, 1);
            var bar = (int)function.Read(capability.Offset + 4, 1);
            if (type is < 1 or > 4 || addresses[type] != 0 || function.BarAddress(bar) == 0) continue;
            addresses[type] = function.BarAddress(bar) + function.Read(capability.Offset + 8, 4);
            if (type == 2) multiplier = function.Read(capability.Offset + 16, 4);
            if (type == 4) deviceLength = function.Read(capability.Offset + 12, 4);
        }
        return new VirtioStructures(Required(1, "common configuration"), Required(2, "notification"), multiplier, Required(3, "ISR"), Required(4, "device configuration"))
        {
            DeviceLength = deviceLength,
        };

        ulong Required(int type, string name) => addresses[type] != 0
            ? addresses[type]
            : throw new GuestSetupException($"{function.Address} has no usable {name} structure (VIRTIO_PCI_CAP type {type})");
    }
}
