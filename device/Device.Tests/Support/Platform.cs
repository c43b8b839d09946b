using Viommu.Device.Topology;

namespace Viommu.Device.Tests.Support;

/// <summary>
/// A machine with two virtio-iommu devices: one on PCI for all of two segments, with itself left out, and one in an MMIO slot for a
/// platform device.
/// </summary>
internal static class Platform
{
    public static readonly IommuLocation OnPci = new IommuLocation.Pci(0, PciBdf.At(0, 1));
    public static readonly IommuLocation InSlot = new IommuLocation.Mmio(0x3400);

    public static PlatformDescription TwoIommus { get; } = new()
    {
        HostBridges =
        [
            new(0, 0x4000_0000, new(0x1000_0000, 0x1fff_ffff)) { LastBus = 15 },
            new(1, 0x80_0000_0000, new(0x2000_0000, 0x2fff_ffff)),
        ],
        Iommus =
        [
            new(OnPci)
            {
                PciEndpoints =
                [
                    new(0, PciBdf.At(0, 0), PciBdf.At(0, 0, 7), 0),
                    new(0, PciBdf.At(0, 1, 1), PciBdf.At(15, 31, 7), 9),
                    new(1, PciBdf.At(0, 0), PciBdf.At(255, 31, 7), 0x10000),
                ],
            },
            new(InSlot) { PlatformEndpoints = [new(0x3000, 23)] },
        ],
    };
}
