using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Topology;

namespace Viommu.Guest.Targets.Model;

/// <summary>What the firmware of the model's machine tells the guest: one host bridge, and each endpoint a function named by its ID.</summary>
internal static class ModelFirmware
{
    public static ViotTable Describe(IommuLocation iommu, IommuOptions options) => ViotTable.Describe(new PlatformDescription
    {
        HostBridges = [new PciHostBridge(Segment: 0, ConfigurationBase: 0xb000_0000, new AddressRange(0xe000_0000, 0xe7ff_ffff))],
        Iommus = [new IommuDescription(iommu) { PciEndpoints = [.. options.Endpoints.Select(endpoint => Function(endpoint.Id))] }],
    });

    private static PciEndpointRange Function(uint id) => new(Segment: 0, new PciBdf((ushort)id), new PciBdf((ushort)id), id);
}
