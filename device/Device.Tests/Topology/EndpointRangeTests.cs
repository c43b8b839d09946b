using Viommu.Device.Iommu;
using Viommu.Device.Tests.Support;
using Machine = Viommu.Device.Tests.Support.Iommu;

namespace Viommu.Device.Tests.Topology;

/// <summary>Endpoints given as ranges: many, without an object each.</summary>
public class EndpointRangeTests
{
    private static readonly ReservedRegion Doorbell = new(new(0x8000, 0x8fff), ReservedRegionKind.Msi);

    private readonly Machine _machine = new(options => options with
    {
        InitialBypass = false,
        EndpointRanges = [new(0x10000, 0x1ffff), new(0x20000, 0x2ffff) { ReservedRegions = [Doorbell] }],
    });

    [Theory]
    [InlineData(0xffffu, Bytes.NoEnt)]
    [InlineData(0x10000u, Bytes.Ok)]
    [InlineData(0x1ffffu, Bytes.Ok)]
    [InlineData(0x20000u, Bytes.Ok)]
    [InlineData(0x2ffffu, Bytes.Ok)]
    [InlineData(0x30000u, Bytes.NoEnt)]
    [InlineData(Machine.Endpoint, Bytes.Ok)]
    [InlineData(Machine.Endpoint + 1, Bytes.NoEnt)]
    public void A_range_ends_where_it_says(uint endpoint, byte status)
    {
        Assert.Equal(status, _machine.Send(Bytes.Attach(1, endpoint)));
        Assert.Equal(status == Bytes.Ok ? Bytes.Ok : Bytes.NoEnt, _machine.Send(Bytes.Detach(1, endpoint)));
    }

    [Fact]
    public void Endpoints_of_a_range_are_attached_one_by_one()
    {
        _machine.Given(Bytes.Attach(1, 0x10000)).Given(Bytes.Map(1, 0x1000, 0x1fff, 0x3000));
        Assert.Equal(0x3000ul, _machine.Translate(0x1000, endpoint: 0x10000));
        Assert.Null(_machine.Translate(0x1000, endpoint: 0x10001));
        _machine.Given(Bytes.Attach(1, 0x10001)).Given(Bytes.Detach(1, 0x10000));
        Assert.Null(_machine.Translate(0x1000, endpoint: 0x10000));
        Assert.Equal(0x3000ul, _machine.Translate(0x1000, endpoint: 0x10001));
    }

    [Fact]
    public void Reserved_regions_hold_for_each_endpoint_of_the_range()
    {
        _machine.Given(Bytes.Attach(1, 0x10005)).Given(Bytes.Map(1, 0x8000, 0x8fff, 0));
        Assert.Equal(Bytes.Unsupp, _machine.Send(Bytes.Attach(1, 0x20005)));
        _machine.Given(Bytes.Unmap(1, 0x8000, 0x8fff)).Given(Bytes.Attach(1, 0x20005)).Given(Bytes.Attach(1, 0x20006));
        Assert.Equal(Bytes.Inval, _machine.Send(Bytes.Map(1, 0x8000, 0x8fff, 0)));
        _machine.Given(Bytes.Detach(1, 0x20005));
        Assert.Equal(Bytes.Inval, _machine.Send(Bytes.Map(1, 0x8000, 0x8fff, 0)));
        _machine.Given(Bytes.Detach(1, 0x20006)).Given(Bytes.Map(1, 0x8000, 0x8fff, 0));
    }

    [Fact]
    public void A_million_endpoints_take_little_memory()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        var machine = new Machine(options => options with { EndpointRanges = [new(0x10000, 0x10ffff)] });
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.InRange(allocated, 0, 200_000);
        Assert.Equal(Bytes.Ok, machine.Send(Bytes.Attach(1, 0x10ffff)));
    }
}
