using Viommu.Device.Iommu;
using Viommu.Device.Tests.Support;
using Viommu.Device.Wire;
using Machine = Viommu.Device.Tests.Support.Iommu;

namespace Viommu.Device.Tests.Iommu;

public class AttachTests
{
    [Fact]
    public void Attaching_creates_the_domain()
    {
        var iommu = new Machine();
        Assert.Equal(Bytes.NoEnt, iommu.Send(Bytes.Map(1, 0, 0xfff, 0)));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Attach(1, Machine.Endpoint)));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Map(1, 0, 0xfff, 0)));
    }

    [Fact]
    public void Nonzero_reserved_bytes_are_INVAL_and_nothing_is_attached()
    {
        var iommu = new Machine();
        Assert.Equal(Bytes.Inval, iommu.Send(Bytes.Attach(1, Machine.Endpoint, reserved: 0x01000000)));
        Assert.Equal(Bytes.NoEnt, iommu.Send(Bytes.Map(1, 0, 0xfff, 0)));
    }

    [Theory]
    [InlineData(0x2u)]
    [InlineData(0x80000000u)]
    [InlineData(0x3u)]
    public void An_unknown_flag_is_INVAL(uint flags) =>
        Assert.Equal(Bytes.Inval, new Machine().Send(Bytes.Attach(1, Machine.Endpoint, flags)));

    [Fact]
    public void The_bypass_flag_is_unknown_unless_its_feature_was_negotiated()
    {
        var iommu = new Machine(negotiate: IommuFeatures.MapUnmap);
        Assert.Equal(Bytes.Inval, iommu.Send(Bytes.Attach(1, Machine.Endpoint, flags: 1)));
    }

    [Fact]
    public void An_unknown_endpoint_is_NOENT() =>
        Assert.Equal(Bytes.NoEnt, new Machine().Send(Bytes.Attach(1, Machine.UnknownEndpoint)));

    [Theory]
    [InlineData(9u, Bytes.Range)]
    [InlineData(10u, Bytes.Ok)]
    [InlineData(20u, Bytes.Ok)]
    [InlineData(21u, Bytes.Range)]
    public void A_domain_outside_the_range_offered_is_RANGE(uint domain, byte status)
    {
        var iommu = new Machine(options => options with { DomainRange = new(10, 20) });
        Assert.Equal(status, iommu.Send(Bytes.Attach(domain, Machine.Endpoint)));
    }

    [Fact]
    public void The_domain_range_means_nothing_unless_offered()
    {
        var iommu = new Machine(options => options with { DomainRange = new(10, 20), Features = IommuFeatures.MapUnmap });
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Attach(0xffffffff, Machine.Endpoint)));
    }

    [Fact]
    public void A_second_endpoint_shares_the_mappings()
    {
        var iommu = new Machine().Given(Bytes.Attach(1, Machine.Endpoint)).Given(Bytes.Map(1, 0x1000, 0x1fff, 0x5000));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Attach(1, Machine.OtherEndpoint)));
        Assert.Equal(0x5000ul, iommu.Translate(0x1000, endpoint: Machine.OtherEndpoint));
    }

    [Theory]
    [InlineData(0u, 1u)]
    [InlineData(1u, 0u)]
    public void A_bypass_flag_that_disagrees_with_the_domain_is_INVAL(uint first, uint second)
    {
        var iommu = new Machine().Given(Bytes.Attach(1, Machine.Endpoint, first));
        Assert.Equal(Bytes.Inval, iommu.Send(Bytes.Attach(1, Machine.OtherEndpoint, second)));
    }

    [Fact]
    public void A_refused_move_leaves_the_endpoint_where_it_was()
    {
        var iommu = new Machine()
            .Given(Bytes.Attach(1, Machine.Endpoint))
            .Given(Bytes.Map(1, 0x1000, 0x1fff, 0x5000))
            .Given(Bytes.Attach(2, Machine.OtherEndpoint, flags: 1));
        Assert.Equal(Bytes.Inval, iommu.Send(Bytes.Attach(2, Machine.Endpoint)));
        Assert.Equal(0x5000ul, iommu.Translate(0x1000));
    }

    [Fact]
    public void Attaching_again_to_the_same_domain_keeps_its_mappings()
    {
        var iommu = new Machine().Given(Bytes.Attach(1, Machine.Endpoint)).Given(Bytes.Map(1, 0x1000, 0x1fff, 0x5000));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Attach(1, Machine.Endpoint)));
        Assert.Equal(0x5000ul, iommu.Translate(0x1000));
    }

    [Fact]
    public void Moving_the_last_endpoint_ends_the_old_domain()
    {
        var iommu = new Machine().Given(Bytes.Attach(1, Machine.Endpoint)).Given(Bytes.Map(1, 0x1000, 0x1fff, 0x5000));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Attach(2, Machine.Endpoint)));
        Assert.Null(iommu.Translate(0x1000));
        Assert.Equal(Bytes.NoEnt, iommu.Send(Bytes.Unmap(1, 0, 0xffff)));
    }

    [Fact]
    public void Moving_one_of_two_endpoints_leaves_the_old_domain_alone()
    {
        var iommu = new Machine()
            .Given(Bytes.Attach(1, Machine.Endpoint))
            .Given(Bytes.Attach(1, Machine.OtherEndpoint))
            .Given(Bytes.Map(1, 0x1000, 0x1fff, 0x5000));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Attach(2, Machine.Endpoint)));
        Assert.Null(iommu.Translate(0x1000));
        Assert.Equal(0x5000ul, iommu.Translate(0x1000, endpoint: Machine.OtherEndpoint));
    }

    [Fact]
    public void An_endpoint_whose_reserved_region_holds_a_mapping_of_the_domain_is_UNSUPP()
    {
        var iommu = new Machine(options => options with
        {
            Endpoints =
            [
                new(Machine.Endpoint),
                new(Machine.OtherEndpoint) { ReservedRegions = [new(new(0x1800, 0x18ff), ReservedRegionKind.Reserved)] },
            ],
        });
        iommu.Given(Bytes.Attach(1, Machine.Endpoint)).Given(Bytes.Map(1, 0x1000, 0x1fff, 0x5000));
        Assert.Equal(Bytes.Unsupp, iommu.Send(Bytes.Attach(1, Machine.OtherEndpoint)));
        iommu.Given(Bytes.Unmap(1, 0x1000, 0x1fff));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Attach(1, Machine.OtherEndpoint)));
    }

    [Fact]
    public void One_domain_too_many_is_NOMEM_but_moving_within_the_limit_works()
    {
        var iommu = new Machine(options => options with { MaximumDomains = 1 }).Given(Bytes.Attach(1, Machine.Endpoint));
        Assert.Equal(Bytes.NoMem, iommu.Send(Bytes.Attach(2, Machine.OtherEndpoint)));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Attach(2, Machine.Endpoint)));
    }
}
