using Viommu.Device.Tests.Support;
using Machine = Viommu.Device.Tests.Support.Iommu;

namespace Viommu.Device.Tests.Iommu;

/// <summary>Names with (1) to (7) are the examples of section 5.13.6.6.</summary>
public class UnmapTests
{
    private static Machine Attached() => new Machine(options => options with { PageSizeMask = 1 }).Given(Bytes.Attach(1, Machine.Endpoint));

    [Fact]
    public void Nothing_mapped_is_OK_1() => Assert.Equal(Bytes.Ok, Attached().Send(Bytes.Unmap(1, 0, 4)));

    [Fact]
    public void The_exact_range_removes_the_mapping_2()
    {
        var iommu = Attached().Given(Bytes.Map(1, 0, 9, 100));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Unmap(1, 0, 9)));
        Assert.Null(iommu.Translate(0));
        Assert.Null(iommu.Translate(9));
    }

    [Fact]
    public void Both_neighbours_are_removed_3()
    {
        var iommu = Attached().Given(Bytes.Map(1, 0, 4, 100)).Given(Bytes.Map(1, 5, 9, 200));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Unmap(1, 0, 9)));
        Assert.Null(iommu.Translate(4));
        Assert.Null(iommu.Translate(5));
    }

    [Theory]
    [InlineData(0ul, 4ul)]
    [InlineData(5ul, 9ul)]
    [InlineData(3ul, 5ul)]
    [InlineData(5ul, 20ul)]
    public void A_split_is_RANGE_and_removes_nothing_4(ulong first, ulong last)
    {
        var iommu = Attached().Given(Bytes.Map(1, 0, 9, 100));
        Assert.Equal(Bytes.Range, iommu.Send(Bytes.Unmap(1, first, last)));
        Assert.Equal(100ul, iommu.Translate(0));
        Assert.Equal(109ul, iommu.Translate(9));
    }

    [Fact]
    public void A_split_spares_mappings_that_are_wholly_inside()
    {
        var iommu = Attached().Given(Bytes.Map(1, 0, 4, 100)).Given(Bytes.Map(1, 5, 9, 200));
        Assert.Equal(Bytes.Range, iommu.Send(Bytes.Unmap(1, 0, 7)));
        Assert.Equal(100ul, iommu.Translate(0));
    }

    [Fact]
    public void Adjacent_mappings_stay_two_5()
    {
        var iommu = Attached().Given(Bytes.Map(1, 0, 4, 100)).Given(Bytes.Map(1, 5, 9, 105));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Unmap(1, 0, 4)));
        Assert.Null(iommu.Translate(4));
        Assert.Equal(105ul, iommu.Translate(5));
    }

    [Fact]
    public void The_range_may_spill_over_6()
    {
        var iommu = Attached().Given(Bytes.Map(1, 0, 4, 100));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Unmap(1, 0, 9)));
        Assert.Null(iommu.Translate(0));
    }

    [Fact]
    public void Holes_do_not_matter_7()
    {
        var iommu = Attached().Given(Bytes.Map(1, 0, 4, 100)).Given(Bytes.Map(1, 10, 14, 200));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Unmap(1, 0, 14)));
        Assert.Null(iommu.Translate(0));
        Assert.Null(iommu.Translate(14));
    }

    [Fact]
    public void The_whole_space_can_be_unmapped_at_once()
    {
        var iommu = Attached().Given(Bytes.Map(1, 0, 4, 100)).Given(Bytes.Map(1, ulong.MaxValue, ulong.MaxValue, 200));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Unmap(1, 0, ulong.MaxValue)));
        Assert.Null(iommu.Translate(0));
        Assert.Null(iommu.Translate(ulong.MaxValue));
    }

    [Fact]
    public void Nonzero_reserved_bytes_are_INVAL_and_nothing_is_removed()
    {
        var iommu = Attached().Given(Bytes.Map(1, 0, 9, 100));
        Assert.Equal(Bytes.Inval, iommu.Send(Bytes.Unmap(1, 0, 9, reserved: 1)));
        Assert.Equal(100ul, iommu.Translate(0));
    }

    [Fact]
    public void A_range_that_ends_before_it_starts_is_RANGE() => Assert.Equal(Bytes.Range, Attached().Send(Bytes.Unmap(1, 5, 4)));

    [Fact]
    public void A_missing_domain_is_NOENT() => Assert.Equal(Bytes.NoEnt, Attached().Send(Bytes.Unmap(2, 0, 9)));

    [Fact]
    public void A_bypass_domain_is_INVAL() =>
        Assert.Equal(Bytes.Inval, new Machine().Given(Bytes.Attach(1, Machine.Endpoint, flags: 1)).Send(Bytes.Unmap(1, 0, 9)));
}
