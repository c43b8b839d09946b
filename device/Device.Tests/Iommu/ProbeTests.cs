using Viommu.Device.Iommu;
using Viommu.Device.Tests.Support;
using Viommu.Device.Wire;
using Machine = Viommu.Device.Tests.Support.Iommu;

namespace Viommu.Device.Tests.Iommu;

public class ProbeTests
{
    private const int ProbeSize = 64;

    private static Machine WithRegions() => new(options => options with
    {
        ProbeSize = ProbeSize,
        Endpoints =
        [
            new(Machine.Endpoint)
            {
                ReservedRegions =
                [
                    new(new(0xfee00000, 0xfeefffff), ReservedRegionKind.Msi),
                    new(new(0x1000, 0x1fff), ReservedRegionKind.Reserved),
                ],
            },
            new(Machine.OtherEndpoint),
        ],
    });

    [Fact]
    public void Properties_follow_each_other_and_the_rest_is_zero_up_to_the_tail()
    {
        var reply = new byte[ProbeSize + 4];
        Assert.Equal(ProbeSize + 4, WithRegions().Device.Process(0, Bytes.Probe(Machine.Endpoint), reply));
        Assert.Equal(
            [
                1, 0, 20, 0, 1, 0, 0, 0, 0x00, 0x00, 0xe0, 0xfe, 0, 0, 0, 0, 0xff, 0xff, 0xef, 0xfe, 0, 0, 0, 0,
                1, 0, 20, 0, 0, 0, 0, 0, 0x00, 0x10, 0x00, 0x00, 0, 0, 0, 0, 0xff, 0x1f, 0x00, 0x00, 0, 0, 0, 0,
                .. new byte[16],
                0, 0, 0, 0,
            ],
            reply);
    }

    [Fact]
    public void An_endpoint_without_properties_has_an_empty_list()
    {
        var reply = new byte[ProbeSize + 4];
        Assert.Equal(ProbeSize + 4, WithRegions().Device.Process(0, Bytes.Probe(Machine.OtherEndpoint), reply));
        Assert.Equal(new byte[ProbeSize + 4], reply);
    }

    [Fact]
    public void An_unknown_endpoint_is_NOENT_behind_zeroed_properties()
    {
        var reply = new byte[ProbeSize + 4];
        Assert.Equal(ProbeSize + 4, WithRegions().Device.Process(0, Bytes.Probe(Machine.UnknownEndpoint), reply));
        Assert.Equal([.. new byte[ProbeSize], Bytes.NoEnt, 0, 0, 0], reply);
    }

    [Theory]
    [InlineData(ProbeSize + 3)]
    [InlineData(ProbeSize)]
    [InlineData(5)]
    [InlineData(4)]
    public void Too_small_a_properties_area_is_INVAL_in_the_last_four_bytes(int length)
    {
        var reply = new byte[length];
        Assert.Equal(length, WithRegions().Device.Process(0, Bytes.Probe(Machine.Endpoint), reply));
        Assert.Equal([.. new byte[length - 4], Bytes.Inval, 0, 0, 0], reply);
    }

    [Fact]
    public void No_room_for_a_tail_leaves_the_buffer_unwritten() =>
        Assert.Equal(0, WithRegions().Device.Process(0, Bytes.Probe(Machine.Endpoint), new byte[3]));

    [Fact]
    public void Reserved_bytes_are_ignored()
    {
        var request = Bytes.Probe(Machine.Endpoint);
        request.AsSpan(8).Fill(0xff);
        var reply = new byte[ProbeSize + 4];
        Assert.Equal(ProbeSize + 4, WithRegions().Device.Process(0, request, reply));
        Assert.Equal(Bytes.Ok, reply[ProbeSize]);
    }

    [Theory]
    [InlineData(IommuFeatures.MapUnmap, IommuFeatures.MapUnmap)]
    [InlineData(IommuFeatures.MapUnmap | IommuFeatures.Probe, IommuFeatures.MapUnmap)]
    public void Without_the_feature_the_type_is_not_recognised(IommuFeatures offered, IommuFeatures negotiated)
    {
        var iommu = new Machine(options => options with { Features = offered }, negotiated);
        Assert.Equal(0, iommu.Device.Process(0, Bytes.Probe(Machine.Endpoint), new byte[516]));
    }
}
