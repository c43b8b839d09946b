using Viommu.Device.Iommu;
using Viommu.Device.Tests.Support;
using Machine = Viommu.Device.Tests.Support.Iommu;

namespace Viommu.Device.Tests.Iommu;

public class DetachTests
{
    [Fact]
    public void A_detached_endpoint_reaches_no_mapping_of_the_domain()
    {
        var iommu = new Machine(options => options with { InitialBypass = false })
            .Given(Bytes.Attach(1, Machine.Endpoint))
            .Given(Bytes.Map(1, 0x1000, 0x1fff, 0x5000));
        Assert.Equal(0x5000ul, iommu.Translate(0x1000));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Detach(1, Machine.Endpoint)));
        Assert.Null(iommu.Translate(0x1000));
    }

    [Fact]
    public void Reserved_bytes_are_ignored()
    {
        var iommu = new Machine().Given(Bytes.Attach(1, Machine.Endpoint));
        var request = Bytes.Detach(1, Machine.Endpoint);
        request.AsSpan(12).Fill(0xff);
        Assert.Equal(Bytes.Ok, iommu.Send(request));
    }

    [Fact]
    public void An_unknown_endpoint_is_NOENT() =>
        Assert.Equal(Bytes.NoEnt, new Machine().Send(Bytes.Detach(1, Machine.UnknownEndpoint)));

    [Fact]
    public void A_missing_domain_is_INVAL() => Assert.Equal(Bytes.Inval, new Machine().Send(Bytes.Detach(1, Machine.Endpoint)));

    [Fact]
    public void A_domain_that_the_endpoint_is_not_attached_to_is_INVAL_and_detaches_nothing()
    {
        var iommu = new Machine()
            .Given(Bytes.Attach(1, Machine.Endpoint))
            .Given(Bytes.Attach(2, Machine.OtherEndpoint))
            .Given(Bytes.Map(1, 0x1000, 0x1fff, 0x5000));
        Assert.Equal(Bytes.Inval, iommu.Send(Bytes.Detach(2, Machine.Endpoint)));
        Assert.Equal(0x5000ul, iommu.Translate(0x1000));
    }

    [Fact]
    public void A_domain_outside_the_range_is_RANGE() =>
        Assert.Equal(Bytes.Range, new Machine(options => options with { DomainRange = new(0, 3) }).Send(Bytes.Detach(4, Machine.Endpoint)));

    [Fact]
    public void A_domain_ends_with_its_last_endpoint_and_begins_again_empty()
    {
        var iommu = new Machine()
            .Given(Bytes.Attach(1, Machine.Endpoint))
            .Given(Bytes.Attach(1, Machine.OtherEndpoint))
            .Given(Bytes.Map(1, 0x1000, 0x1fff, 0x5000))
            .Given(Bytes.Detach(1, Machine.Endpoint));
        Assert.Equal(0x5000ul, iommu.Translate(0x1000, endpoint: Machine.OtherEndpoint));
        iommu.Given(Bytes.Detach(1, Machine.OtherEndpoint));
        Assert.Equal(Bytes.NoEnt, iommu.Send(Bytes.Map(1, 0x1000, 0x1fff, 0x5000)));
        iommu.Given(Bytes.Attach(1, Machine.Endpoint));
        Assert.Null(iommu.Translate(0x1000));
    }

    [Fact]
    public void The_regions_of_an_ended_domain_do_not_bind_the_next_one()
    {
        var iommu = new Machine(options => options with
        {
            Endpoints = [new(Machine.Endpoint) { ReservedRegions = [new(new(0x4000, 0x4fff), ReservedRegionKind.Reserved)] }, new(Machine.OtherEndpoint)],
        }).Given(Bytes.Attach(1, Machine.Endpoint));
        Assert.Equal(Bytes.Inval, iommu.Send(Bytes.Map(1, 0x4000, 0x4fff, 0)));
        iommu.Given(Bytes.Detach(1, Machine.Endpoint)).Given(Bytes.Attach(2, Machine.OtherEndpoint));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Map(2, 0x4000, 0x4fff, 0)));
    }

    [Fact]
    public void The_mappings_of_an_ended_domain_no_longer_count()
    {
        var iommu = new Machine(options => options with { MaximumMappings = 1 })
            .Given(Bytes.Attach(1, Machine.Endpoint))
            .Given(Bytes.Map(1, 0, 0xfff, 0))
            .Given(Bytes.Detach(1, Machine.Endpoint))
            .Given(Bytes.Attach(2, Machine.Endpoint));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Map(2, 0, 0xfff, 0)));
    }
}
