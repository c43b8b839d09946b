using Viommu.Device.Iommu;
using Viommu.Device.Tests.Support;
using Viommu.Device.Wire;
using Machine = Viommu.Device.Tests.Support.Iommu;

namespace Viommu.Device.Tests.Iommu;

public class MapTests
{
    private const ulong Top = ulong.MaxValue;

    [Theory]
    [InlineData(0x1000ul, 0x1ffful, 0x5000ul, Bytes.Ok)]
    [InlineData(0x1001ul, 0x1ffful, 0x5000ul, Bytes.Range)]
    [InlineData(0x1000ul, 0x1ffeul, 0x5000ul, Bytes.Range)]
    [InlineData(0x1000ul, 0x2000ul, 0x5000ul, Bytes.Range)]
    [InlineData(0x1000ul, 0x1ffful, 0x5800ul, Bytes.Range)]
    [InlineData(0x2000ul, 0x1ffful, 0x5000ul, Bytes.Range)]
    [InlineData(Top - 0xfff, Top, 0x5000ul, Bytes.Ok)]
    [InlineData(0ul, Top, 0ul, Bytes.Ok)]
    [InlineData(0ul, Top, 0x1000ul, Bytes.Range)]
    [InlineData(0x1000ul, 0x2ffful, Top - 0xfff, Bytes.Range)]
    [InlineData(0x1000ul, 0x1ffful, Top - 0xfff, Bytes.Ok)]
    public void Ranges_are_inclusive_aligned_and_never_wrap(ulong virtStart, ulong virtEnd, ulong physStart, byte status)
    {
        var iommu = new Machine().Given(Bytes.Attach(1, Machine.Endpoint));
        Assert.Equal(status, iommu.Send(Bytes.Map(1, virtStart, virtEnd, physStart)));
        Assert.Equal(status == Bytes.Ok ? physStart : null, iommu.Translate(virtStart));
    }

    [Fact]
    public void The_lowest_mask_bit_is_the_granule()
    {
        var iommu = new Machine(options => options with { PageSizeMask = 0x201 }).Given(Bytes.Attach(1, Machine.Endpoint));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Map(1, 7, 7, 3)));
        Assert.Equal(3ul, iommu.Translate(7));
        Assert.Null(iommu.Translate(8));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(2u)]
    [InlineData(7u)]
    public void Every_combination_of_known_flags_is_accepted(uint flags)
    {
        var iommu = new Machine().Given(Bytes.Attach(1, Machine.Endpoint));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Map(1, 0, 0xfff, 0x5000, flags)));
        Assert.Equal((flags & 1) != 0, iommu.Translate(0) is not null);
        Assert.Equal((flags & 2) != 0, iommu.Translate(0, DmaAccess.Write) is not null);
    }

    [Theory]
    [InlineData(8u)]
    [InlineData(0x80000003u)]
    public void An_unknown_flag_is_INVAL(uint flags)
    {
        var iommu = new Machine().Given(Bytes.Attach(1, Machine.Endpoint));
        Assert.Equal(Bytes.Inval, iommu.Send(Bytes.Map(1, 0, 0xfff, 0, flags)));
        Assert.Null(iommu.Translate(0));
    }

    [Fact]
    public void The_MMIO_flag_is_unknown_unless_its_feature_was_negotiated()
    {
        var iommu = new Machine(negotiate: IommuFeatures.MapUnmap).Given(Bytes.Attach(1, Machine.Endpoint));
        Assert.Equal(Bytes.Inval, iommu.Send(Bytes.Map(1, 0, 0xfff, 0, flags: 7)));
    }

    [Fact]
    public void A_missing_domain_is_NOENT() => Assert.Equal(Bytes.NoEnt, new Machine().Send(Bytes.Map(1, 0, 0xfff, 0)));

    [Fact]
    public void A_bypass_domain_is_INVAL() =>
        Assert.Equal(Bytes.Inval, new Machine().Given(Bytes.Attach(1, Machine.Endpoint, flags: 1)).Send(Bytes.Map(1, 0, 0xfff, 0)));

    [Theory]
    [InlineData(0x2000ul, 0x2ffful, Bytes.Inval)]
    [InlineData(0x1000ul, 0x2ffful, Bytes.Inval)]
    [InlineData(0x3000ul, 0x4ffful, Bytes.Inval)]
    [InlineData(0x0ul, 0xfffful, Bytes.Inval)]
    [InlineData(0x1000ul, 0x1ffful, Bytes.Ok)]
    [InlineData(0x4000ul, 0x4ffful, Bytes.Ok)]
    public void A_range_that_touches_a_mapping_is_INVAL(ulong virtStart, ulong virtEnd, byte status)
    {
        var iommu = new Machine().Given(Bytes.Attach(1, Machine.Endpoint)).Given(Bytes.Map(1, 0x2000, 0x3fff, 0x5000));
        Assert.Equal(status, iommu.Send(Bytes.Map(1, virtStart, virtEnd, 0x8000)));
        Assert.Equal(0x5000ul, iommu.Translate(0x2000));
    }

    [Theory]
    [InlineData(0x0000ul, 0x0ffful, Bytes.Range)]
    [InlineData(0x1000ul, 0x7ffful, Bytes.Ok)]
    [InlineData(0x7000ul, 0x8ffful, Bytes.Range)]
    public void A_range_outside_input_range_is_RANGE(ulong virtStart, ulong virtEnd, byte status)
    {
        var iommu = new Machine(options => options with { InputRange = new(0x1000, 0x7fff) }).Given(Bytes.Attach(1, Machine.Endpoint));
        Assert.Equal(status, iommu.Send(Bytes.Map(1, virtStart, virtEnd, 0)));
    }

    [Theory]
    [InlineData(ReservedRegionKind.Reserved)]
    [InlineData(ReservedRegionKind.Msi)]
    public void A_reserved_region_of_any_attached_endpoint_is_INVAL(ReservedRegionKind kind)
    {
        var iommu = new Machine(options => options with
        {
            Endpoints = [new(Machine.Endpoint), new(Machine.OtherEndpoint) { ReservedRegions = [new(new(0x1800, 0x18ff), kind)] }],
        });
        iommu.Given(Bytes.Attach(1, Machine.Endpoint)).Given(Bytes.Attach(1, Machine.OtherEndpoint));
        Assert.Equal(Bytes.Inval, iommu.Send(Bytes.Map(1, 0x1000, 0x1fff, 0)));
        iommu.Given(Bytes.Detach(1, Machine.OtherEndpoint));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Map(1, 0x1000, 0x1fff, 0)));
    }

    [Fact]
    public void One_mapping_too_many_is_NOMEM_until_one_goes()
    {
        var iommu = new Machine(options => options with { MaximumMappings = 1 })
            .Given(Bytes.Attach(1, Machine.Endpoint))
            .Given(Bytes.Map(1, 0, 0xfff, 0));
        Assert.Equal(Bytes.NoMem, iommu.Send(Bytes.Map(1, 0x1000, 0x1fff, 0)));
        iommu.Given(Bytes.Unmap(1, 0, 0xfff));
        Assert.Equal(Bytes.Ok, iommu.Send(Bytes.Map(1, 0x1000, 0x1fff, 0)));
    }

    [Fact]
    public void Without_MAP_UNMAP_negotiated_the_type_is_not_recognised()
    {
        var iommu = new Machine(negotiate: IommuFeatures.None).Given(Bytes.Attach(1, Machine.Endpoint));
        Assert.Equal(0, iommu.Device.Process(0, Bytes.Map(1, 0, 0xfff, 0), new byte[4]));
        Assert.Equal(0, iommu.Device.Process(0, Bytes.Unmap(1, 0, 0xfff), new byte[4]));
    }

    [Fact]
    public void Translation_says_how_many_bytes_are_contiguous()
    {
        var iommu = new Machine().Given(Bytes.Attach(1, Machine.Endpoint)).Given(Bytes.Map(1, 0x1000, 0x2fff, 0x5000));
        Assert.True(iommu.Device.TryTranslate(Machine.Endpoint, new(0x1ffe), DmaAccess.Read, out var address, out ulong contiguous));
        Assert.Equal(0x5ffeul, address.Value);
        Assert.Equal(0x1002ul, contiguous);
        Assert.True(iommu.Device.TryTranslate(Machine.OtherEndpoint, new(0), DmaAccess.Read, out _, out contiguous));
        Assert.Equal(ulong.MaxValue, contiguous);
    }
}
