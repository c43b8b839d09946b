using Viommu.Device.Tests.Support;
using Viommu.Device.Wire;
using Machine = Viommu.Device.Tests.Support.Iommu;

namespace Viommu.Device.Tests.Iommu;

public class ConfigTests
{
    private const int Bypass = 36;

    [Fact]
    public void Configuration_shows_what_is_offered()
    {
        var iommu = new Machine(options => options with
        {
            PageSizeMask = 0x1000,
            InputRange = new(0x1000, 0xffffffff),
            DomainRange = new(1, 9),
            ProbeSize = 0x100,
        });
        Assert.Equal(
            [
                .. Bytes.Le64(0x1000), .. Bytes.Le64(0x1000), .. Bytes.Le64(0xffffffff),
                .. Bytes.Le32(1), .. Bytes.Le32(9), .. Bytes.Le32(0x100), 1, 0, 0, 0,
            ],
            iommu.Config());
    }

    [Fact]
    public void Fields_of_features_that_are_not_offered_read_as_zero()
    {
        var iommu = new Machine(options => options with { PageSizeMask = 0x1000, Features = IommuFeatures.MapUnmap });
        Assert.Equal([.. Bytes.Le64(0x1000), .. new byte[32]], iommu.Config());
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(255, 1)]
    public void Only_0_and_1_can_be_written_to_bypass(byte written, byte read)
    {
        var iommu = new Machine();
        iommu.Device.WriteConfig(Bypass, [written]);
        Assert.Equal(read, iommu.Config()[Bypass]);
    }

    [Fact]
    public void Writing_bypass_changes_where_unattached_endpoints_go()
    {
        var iommu = new Machine();
        Assert.Equal(0x10ul, iommu.Translate(0x10));
        iommu.Device.WriteConfig(Bypass, [0]);
        Assert.Null(iommu.Translate(0x10));
    }

    [Fact]
    public void Bypass_cannot_be_written_without_its_feature_negotiated()
    {
        var iommu = new Machine(negotiate: IommuFeatures.MapUnmap);
        iommu.Device.WriteConfig(Bypass, [0]);
        Assert.Equal(1, iommu.Config()[Bypass]);
    }

    [Fact]
    public void No_other_byte_can_be_written()
    {
        var iommu = new Machine();
        var before = iommu.Config();
        for (int offset = 0; offset < before.Length; offset++)
        {
            if (offset != Bypass) iommu.Device.WriteConfig(offset, [(byte)~before[offset]]);
        }

        iommu.Device.WriteConfig(Bypass, [0, 0, 0, 0]);
        Assert.Equal(before, iommu.Config());
    }

    [Fact]
    public void Bypass_survives_a_device_reset_and_a_system_reset_restores_it()
    {
        var iommu = new Machine().Given(Bytes.Attach(1, Machine.Endpoint));
        iommu.Device.WriteConfig(Bypass, [0]);
        iommu.Device.Reset();
        Assert.Equal(0, iommu.Config()[Bypass]);
        iommu.Device.SystemReset();
        Assert.Equal(1, iommu.Config()[Bypass]);
    }

    [Fact]
    public void A_device_reset_detaches_every_endpoint_and_ends_every_domain()
    {
        var iommu = new Machine(options => options with { InitialBypass = false })
            .Given(Bytes.Attach(1, Machine.Endpoint))
            .Given(Bytes.Map(1, 0, 0xfff, 0x2000));
        iommu.Device.Reset();
        Assert.Null(iommu.Translate(0));
        iommu.Device.FeaturesNegotiated((ulong)IommuFeatures.All);
        Assert.Equal(Bytes.NoEnt, iommu.Send(Bytes.Unmap(1, 0, 0xfff)));
        iommu.Given(Bytes.Attach(1, Machine.Endpoint));
        Assert.Null(iommu.Translate(0));
    }
}
