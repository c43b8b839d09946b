using Viommu.Device.Tests.Support;
using Machine = Viommu.Device.Tests.Support.Iommu;

namespace Viommu.Device.Tests.Iommu;

public class RequestFramingTests
{
    public static TheoryData<string, byte[]> EveryRequest => new()
    {
        { "attach", Bytes.Attach(1, Machine.Endpoint) },
        { "detach", Bytes.Detach(1, Machine.Endpoint) },
        { "map", Bytes.Map(1, 0, 0xfff, 0) },
        { "unmap", Bytes.Unmap(1, 0, 0xfff) },
        { "probe", Bytes.Probe(Machine.Endpoint) },
    };

    [Theory]
    [MemberData(nameof(EveryRequest))]
    public void A_readable_part_one_byte_short_leaves_the_buffer_unwritten(string name, byte[] request)
    {
        Assert.NotEmpty(name);
        Assert.Equal(0, new Machine().Device.Process(0, request.AsSpan(0, request.Length - 1), new byte[516]));
    }

    [Theory]
    [MemberData(nameof(EveryRequest))]
    public void No_room_for_the_tail_leaves_the_buffer_unwritten(string name, byte[] request)
    {
        Assert.NotEmpty(name);
        Assert.Equal(0, new Machine().Device.Process(0, request, new byte[3]));
    }

    [Fact]
    public void A_request_without_room_for_the_tail_is_not_performed()
    {
        var iommu = new Machine();
        Assert.Equal(0, iommu.Device.Process(0, Bytes.Attach(1, Machine.Endpoint), new byte[3]));
        Assert.Equal(Bytes.NoEnt, iommu.Send(Bytes.Map(1, 0, 0xfff, 0)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(6)]
    [InlineData(255)]
    public void An_unknown_type_leaves_the_buffer_unwritten(byte type) =>
        Assert.Equal(0, new Machine().Device.Process(0, [type, .. new byte[71]], new byte[516]));

    [Fact]
    public void Reserved_bytes_of_the_head_and_surplus_readable_bytes_are_ignored()
    {
        byte[] request = [.. Bytes.Attach(1, Machine.Endpoint), 1, 2, 3, 4];
        request[1] = request[2] = request[3] = 0xff;
        Assert.Equal(Bytes.Ok, new Machine().Send(request));
    }

    [Fact]
    public void The_tail_is_at_the_start_of_a_larger_writable_part()
    {
        var reply = new byte[16];
        Assert.Equal(4, new Machine().Device.Process(0, Bytes.Attach(1, Machine.UnknownEndpoint), reply));
        Assert.Equal(Bytes.NoEnt, reply[0]);
    }
}
