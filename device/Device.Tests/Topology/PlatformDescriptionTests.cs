using Viommu.Device.Tests.Support;
using Viommu.Device.Topology;

namespace Viommu.Device.Tests.Topology;

public class PlatformDescriptionTests
{
    private static readonly PciHostBridge Bridge = new(0, 0x4000_0000, new(0x1000_0000, 0x1fff_ffff));
    private static readonly PciHostBridge OtherBridge = new(1, 0x6000_0000, new(0x2000_0000, 0x2fff_ffff));
    private static readonly IommuLocation.Pci Function = new(0, PciBdf.At(0, 1));

    [Fact]
    public void A_legal_machine_is_accepted()
    {
        Platform.TwoIommus.Validate();
        new PlatformDescription().Validate();
        With([new(0, new(0x10), new(0xffff), 0xffff0010)]).Validate();
    }

    public static TheoryData<string, PlatformDescription> Illegal => new()
    {
        { "PCI host bridge 0000:05..04: the buses end before they start", new() { HostBridges = [Bridge with { FirstBus = 5, LastBus = 4 }] } },
        { "PCI host bridge 0000:00..ff and PCI host bridge 0000:09..ff share buses", new() { HostBridges = [Bridge, OtherBridge with { Segment = 0, FirstBus = 9 }] } },
        { "is not below 4 GiB", new() { HostBridges = [Bridge with { MemoryWindow = new(0x8000_0000, 0x1_0000_0000) }] } },
        { "0x2..0x1 is no range of addresses", new() { HostBridges = [Bridge with { MemoryWindow = new(2, 1) }] } },
        { "PCI range 0000:00:02.0..00:01.7 ends before it starts", With([new(0, PciBdf.At(0, 2), PciBdf.At(0, 1, 7), 0)]) },
        { "PCI range 0002:00:02.0..00:02.7 is not behind one host bridge", With([new(2, PciBdf.At(0, 2), PciBdf.At(0, 2, 7), 0)]) },
        { "endpoint IDs from 0xfffffff9 on exceed 32 bits", With([new(0, PciBdf.At(0, 2), PciBdf.At(0, 2, 7), 0xfffffff9)]) },
        { "PCI range 0000:00:02.0..00:05.7 and PCI range 0000:00:05.7..00:06.0 overlap", With([new(0, PciBdf.At(0, 2), PciBdf.At(0, 5, 7), 0), new(0, PciBdf.At(0, 5, 7), PciBdf.At(0, 6), 0x1000)]) },
        { "PCI range 0000:00:02.0..00:05.7 and PCI range 0000:00:04.0..00:04.0 overlap", With([new(0, PciBdf.At(0, 2), PciBdf.At(0, 5, 7), 0), new(0, PciBdf.At(0, 3), PciBdf.At(0, 3), 0x1000), new(0, PciBdf.At(0, 4), PciBdf.At(0, 4), 0x2000)]) },
        { "endpoint range 0x0..0x7 and endpoint 0x7 share endpoint IDs", With([new(0, PciBdf.At(0, 2), PciBdf.At(0, 2, 7), 0), new(1, new(0), new(0), 7)]) },
        { "virtio-iommu at 0000:00:01.0 is an endpoint of PCI range 0000:00:00.0..00:01.0", With([new(0, PciBdf.At(0, 0), PciBdf.At(0, 1), 0)]) },
        { "virtio-iommu at 0000:00:01.0 is behind no host bridge", With([]) with { HostBridges = [OtherBridge] } },
        { "virtio-iommu at 0000:00:01.0 is listed more than once", With([]) with { Iommus = [new(Function), new(Function)] } },
        { "virtio-iommu at 0x3000 is listed more than once", new() { Iommus = [new(new IommuLocation.Mmio(0x3000)), new(new IommuLocation.Mmio(0x3000))] } },
        { "virtio at 0x3000 and virtio-iommu at 0x31ff share addresses", new() { Iommus = [new(new IommuLocation.Mmio(0x31ff)) { PlatformEndpoints = [new(0x3000, 1)] }] } },
        { "virtio at 0x3000: ", new() { Iommus = [new(new IommuLocation.Mmio(0)) { PlatformEndpoints = [new(0x3000, 1) { Length = 0 }] }] } },
        { "0xfffffffffffffff0..0x1ef is no range", new() { Iommus = [new(new IommuLocation.Mmio(0xffff_ffff_ffff_fff0))] } },
    };

    [Theory]
    [MemberData(nameof(Illegal))]
    public void What_no_machine_can_be_is_named(string problem, PlatformDescription platform) =>
        Assert.Contains(problem, Assert.Throws<ArgumentException>(platform.Validate).Message, StringComparison.Ordinal);

    [Fact]
    public void Every_problem_is_named_at_once()
    {
        var platform = With([new(2, new(0), new(0), 0), new(0, new(1), new(0), 0)]) with { HostBridges = [OtherBridge] };
        Assert.Equal(3, Assert.Throws<ArgumentException>(platform.Validate).Message.Split(Environment.NewLine).Length);
    }

    [Fact]
    public void Each_device_gets_its_own_endpoints_with_their_reserved_regions()
    {
        var iommu = new IommuDescription(Function)
        {
            PciEndpoints = [new(1, new(0), new(0xff), 0x10000) { ReservedRegions = [new(new(0, 1), 0)] }],
            PlatformEndpoints = [new(0x3000, 5) { ReservedRegions = [new(new(2, 3), 0)] }],
        };
        Assert.Equal([(0x10000u, 0x100ffu, 0ul), (5u, 5u, 2ul)], iommu.EndpointRanges.Select(range => (range.First, range.Last, range.ReservedRegions[0].Range.First)));
    }

    [Theory]
    [InlineData(0x0000, "00:00.0")]
    [InlineData(0x0109, "01:01.1")]
    [InlineData(0xffff, "ff:1f.7")]
    public void A_function_is_named_by_bus_device_and_function(ushort value, string name)
    {
        var bdf = new PciBdf(value);
        Assert.Equal(name, bdf.ToString());
        Assert.Equal(bdf, PciBdf.At(bdf.Bus, bdf.Device, bdf.Function));
    }

    private static PlatformDescription With(PciEndpointRange[] ranges) =>
        new() { HostBridges = [Bridge, OtherBridge], Iommus = [new(Function) { PciEndpoints = ranges }] };
}
