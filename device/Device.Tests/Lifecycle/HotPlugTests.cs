using Viommu.Device.Iommu;
using Viommu.Device.Tests.Support;
using Machine = Viommu.Device.Tests.Support.Iommu;

namespace Viommu.Device.Tests.Lifecycle;

/// <summary>Endpoints that come and go while a driver runs.</summary>
public class HotPlugTests
{
    private static readonly ReservedRegion Region = new(new(0x1000, 0x1fff), ReservedRegionKind.Reserved);

    private readonly Machine _machine = new(options => options with { EndpointRanges = [new(0x100, 0x1ff)] });

    [Fact]
    public void An_endpoint_that_is_unplugged_while_attached_and_mapped_reaches_nothing()
    {
        _machine.Given(Bytes.Attach(1, Machine.Endpoint)).Given(Bytes.Map(1, 0x1000, 0x1fff, 0x3000));
        Assert.True(_machine.Device.RemoveEndpoint(Machine.Endpoint));
        Assert.Null(_machine.Translate(0x1000));
        Assert.Equal(new(DmaOutcome.UnknownEndpoint, 0), _machine.Device.Read(Machine.Endpoint, new(0x1000), new byte[4]));
        Assert.Equal(new(DmaOutcome.UnknownEndpoint, 0), _machine.Device.Write(Machine.Endpoint, new(0x1000), new byte[4]));
        Assert.Equal(Bytes.NoEnt, _machine.Send(Bytes.Attach(2, Machine.Endpoint)));
        Assert.Equal(Bytes.NoEnt, _machine.Send(Bytes.Detach(1, Machine.Endpoint)));
    }

    [Fact]
    public void The_domain_ends_with_its_last_endpoint()
    {
        _machine.Given(Bytes.Attach(1, Machine.Endpoint)).Given(Bytes.Map(1, 0x1000, 0x1fff, 0x3000));
        _machine.Given(Bytes.Attach(1, Machine.OtherEndpoint));
        Assert.True(_machine.Device.RemoveEndpoint(Machine.Endpoint));
        Assert.Equal(0x3000ul, _machine.Translate(0x1000, endpoint: Machine.OtherEndpoint));
        Assert.True(_machine.Device.RemoveEndpoint(Machine.OtherEndpoint));
        Assert.Equal(Bytes.NoEnt, _machine.Send(Bytes.Unmap(1, 0, ulong.MaxValue)));
    }

    [Fact]
    public void A_removed_endpoint_no_longer_reserves_regions_in_its_domain()
    {
        _machine.Device.AddEndpoint(new(0x40) { ReservedRegions = [Region] });
        _machine.Given(Bytes.Attach(1, Machine.Endpoint)).Given(Bytes.Attach(1, 0x40));
        Assert.Equal(Bytes.Inval, _machine.Send(Bytes.Map(1, 0x1000, 0x1fff, 0x3000)));
        Assert.True(_machine.Device.RemoveEndpoint(0x40));
        Assert.Equal(Bytes.Ok, _machine.Send(Bytes.Map(1, 0x1000, 0x1fff, 0x3000)));
    }

    [Theory]
    [InlineData(0x100u)]
    [InlineData(0x180u)]
    [InlineData(0x1ffu)]
    public void An_endpoint_leaves_its_range_and_comes_back(uint endpoint)
    {
        Assert.True(_machine.Device.RemoveEndpoint(endpoint));
        for (uint id = 0xff; id <= 0x200; id++)
            Assert.Equal(id is >= 0x100 and <= 0x1ff && id != endpoint ? Bytes.Ok : Bytes.NoEnt, _machine.Send(Bytes.Attach(id, id)));
        Assert.False(_machine.Device.RemoveEndpoint(endpoint));
        _machine.Device.AddEndpoint(new(endpoint));
        Assert.Equal(Bytes.Ok, _machine.Send(Bytes.Attach(1, endpoint)));
    }

    [Fact]
    public void What_was_plugged_survives_a_system_reset()
    {
        _machine.Device.AddEndpoint(new(0x40));
        _machine.Device.RemoveEndpoint(Machine.Endpoint);
        _machine.Device.SystemReset();
        Assert.Equal(Bytes.Ok, _machine.Send(Bytes.Attach(1, 0x40)));
        Assert.Equal(Bytes.NoEnt, _machine.Send(Bytes.Attach(1, Machine.Endpoint)));
    }

    [Fact]
    public void An_endpoint_that_no_device_can_have_is_not_plugged()
    {
        Assert.Throws<ArgumentException>(() => _machine.Device.AddEndpoint(new(Machine.Endpoint)));
        Assert.Throws<ArgumentException>(() => _machine.Device.AddEndpoint(new(0x180)));
        Assert.Throws<ArgumentException>(() => _machine.Device.AddEndpoint(new(0x40) { ReservedRegions = [Region, Region] }));
        Assert.Equal(Bytes.NoEnt, _machine.Send(Bytes.Attach(1, 0x40)));
    }
}
