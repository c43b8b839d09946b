using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Wire;

/// <summary>Bytes typed by hand from the listings of section 5.13: every field has a value of its own, so a swap shows.</summary>
public class LayoutTests
{
    [Fact]
    public void Head_is_a_type_byte_and_three_reserved_ones()
    {
        Assert.True(RequestHead.TryDecode([0x05, 0xaa, 0xbb, 0xcc], out var head));
        Assert.Equal(new RequestHead(RequestType.Probe), head);
        Assert.False(RequestHead.TryDecode([0x05, 0, 0], out _));
    }

    [Fact]
    public void Tail_is_a_status_byte_and_three_zeroes()
    {
        byte[] tail = [0xff, 0xff, 0xff, 0xff];
        new RequestTail(RequestStatus.NoEnt).Encode(tail);
        Assert.Equal([0x06, 0x00, 0x00, 0x00], tail);
    }

    [Fact]
    public void Attach_is_domain_endpoint_flags_reserved()
    {
        byte[] body = [0x01, 0x02, 0x03, 0x04, 0x11, 0x12, 0x13, 0x14, 0x01, 0x00, 0x00, 0x80, 0x31, 0x32, 0x33, 0x34];
        Assert.True(AttachRequest.TryDecode(body, out var request));
        Assert.Equal(new AttachRequest(0x04030201, 0x14131211, (AttachFlags)0x80000001, 0x34333231), request);
        Assert.False(AttachRequest.TryDecode(body.AsSpan(0, 15), out _));
    }

    [Fact]
    public void Detach_is_domain_endpoint_and_eight_reserved_bytes()
    {
        byte[] body = [0x01, 0x02, 0x03, 0x04, 0x11, 0x12, 0x13, 0x14, 9, 9, 9, 9, 9, 9, 9, 9];
        Assert.True(DetachRequest.TryDecode(body, out var request));
        Assert.Equal(new DetachRequest(0x04030201, 0x14131211), request);
        Assert.False(DetachRequest.TryDecode(body.AsSpan(0, 15), out _));
    }

    [Fact]
    public void Map_is_domain_virt_start_virt_end_phys_start_flags()
    {
        byte[] body =
        [
            0x01, 0x02, 0x03, 0x04,
            0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
            0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,
            0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38,
            0x05, 0x00, 0x00, 0x00,
        ];
        Assert.True(MapRequest.TryDecode(body, out var request));
        Assert.Equal(
            new MapRequest(0x04030201, 0x1817161514131211, 0x2827262524232221, 0x3837363534333231, MapFlags.Read | MapFlags.Mmio), request);
        Assert.False(MapRequest.TryDecode(body.AsSpan(0, 31), out _));
    }

    [Fact]
    public void Unmap_is_domain_virt_start_virt_end_reserved()
    {
        byte[] body =
        [
            0x01, 0x02, 0x03, 0x04,
            0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
            0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,
            0x31, 0x32, 0x33, 0x34,
        ];
        Assert.True(UnmapRequest.TryDecode(body, out var request));
        Assert.Equal(new UnmapRequest(0x04030201, 0x1817161514131211, 0x2827262524232221, 0x34333231), request);
        Assert.False(UnmapRequest.TryDecode(body.AsSpan(0, 23), out _));
    }

    [Fact]
    public void Probe_is_endpoint_and_64_reserved_bytes()
    {
        var body = new byte[68];
        byte[] endpoint = [0x11, 0x12, 0x13, 0x14];
        endpoint.CopyTo(body, 0);
        Assert.True(ProbeRequest.TryDecode(body, out var request));
        Assert.Equal(new ProbeRequest(0x14131211), request);
        Assert.False(ProbeRequest.TryDecode(body.AsSpan(0, 67), out _));
    }

    [Fact]
    public void Reserved_memory_property_has_a_length_without_its_header()
    {
        var bytes = new byte[24];
        bytes.AsSpan().Fill(0xff);
        new ReservedMemoryProperty(1, 0x1817161514131211, 0x2827262524232221).Encode(bytes);
        Assert.Equal(
            [
                0x01, 0x00, 0x14, 0x00,
                0x01, 0x00, 0x00, 0x00,
                0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
                0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,
            ],
            bytes);
    }

    [Fact]
    public void Fault_is_reason_flags_endpoint_reserved_address()
    {
        var bytes = new byte[24];
        bytes.AsSpan().Fill(0xff);
        new FaultReport(FaultReason.Mapping, FaultFlags.Write | FaultFlags.Address, 0x14131211, 0x2827262524232221).Encode(bytes);
        Assert.Equal(
            [
                0x02, 0x00, 0x00, 0x00,
                0x02, 0x01, 0x00, 0x00,
                0x11, 0x12, 0x13, 0x14,
                0x00, 0x00, 0x00, 0x00,
                0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,
            ],
            bytes);
    }

    [Fact]
    public void Config_is_forty_bytes_with_bypass_at_36()
    {
        var bytes = new byte[40];
        bytes.AsSpan().Fill(0xff);
        new IommuConfig(0x0807060504030201, 0x1817161514131211, 0x2827262524232221, 0x34333231, 0x44434241, 0x54535251, 1).Encode(bytes);
        Assert.Equal(
            [
                0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
                0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,
                0x31, 0x32, 0x33, 0x34,
                0x41, 0x42, 0x43, 0x44,
                0x51, 0x52, 0x53, 0x54,
                0x01, 0x00, 0x00, 0x00,
            ],
            bytes);
    }

    [Fact]
    public void Descriptor_is_address_length_flags_next()
    {
        byte[] bytes = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x11, 0x12, 0x13, 0x14, 0x06, 0x00, 0x31, 0x32];
        Assert.Equal(
            new RawDescriptor(0x0807060504030201, 0x14131211, DescriptorFlags.Write | DescriptorFlags.Indirect, 0x3231),
            RawDescriptor.Decode(bytes));
    }
}
