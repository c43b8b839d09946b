using Viommu.Guest.Wire;

namespace Viommu.Guest.Tests.Wire;

/// <summary>The device-readable part of each request, byte by byte as 5.13.6 lays it out; typed by hand.</summary>
public sealed class RequestEncodingTests
{
    [Fact]
    public void Attach_is_head_domain_endpoint_flags_and_four_reserved_bytes()
    {
        var request = new AttachRequest(0x11223344, 0x55667788) { Flags = 0x99aabbcc };
        Assert.Equal("01000000 44332211 88776655 ccbbaa99 00000000", Hex(request));
        Assert.Equal(4, request.WritableLength);
    }

    [Fact]
    public void Attach_with_every_field_set_has_its_reserved_bytes_behind_the_flags() =>
        Assert.Equal("01563412 01000000 02000000 01000000 efbeadde",
            Hex(new AttachRequest(1, 2) { Flags = AttachRequest.BypassFlag, Reserved = 0xdeadbeef, HeadReserved = 0x123456 }));

    [Fact]
    public void Detach_is_head_domain_endpoint_and_eight_reserved_bytes()
    {
        Assert.Equal("02000000 44332211 88776655 00000000 00000000", Hex(new DetachRequest(0x11223344, 0x55667788)));
        Assert.Equal("02000000 01000000 02000000 88776655 44332211", Hex(new DetachRequest(1, 2) { Reserved = 0x1122334455667788 }));
    }

    [Fact]
    public void Map_is_head_domain_two_virtual_addresses_a_physical_one_and_flags()
    {
        var request = new MapRequest(0x11223344, 0x0102030405060708, 0x1112131415161718, 0x2122232425262728, MapFlags.Read | MapFlags.Mmio);
        Assert.Equal("03000000 44332211 08070605 04030201 18171615 14131211 28272625 24232221 05000000", Hex(request));
        Assert.Equal(4, request.WritableLength);
    }

    [Fact]
    public void Unmap_is_head_domain_two_virtual_addresses_and_four_reserved_bytes()
    {
        Assert.Equal("04000000 44332211 08070605 04030201 ffffffff ffffffff 00000000",
            Hex(new UnmapRequest(0x11223344, 0x0102030405060708, ulong.MaxValue)));
        Assert.Equal("04000000 01000000 00000000 00000000 ff0f0000 00000000 ddccbbaa", Hex(new UnmapRequest(1, 0, 0xfff) { Reserved = 0xaabbccdd }));
    }

    [Fact]
    public void Probe_is_head_endpoint_and_sixty_four_reserved_bytes_and_its_tail_follows_the_properties()
    {
        var request = new ProbeRequest(0x55667788, 512);
        Assert.Equal("05000000 88776655 " + string.Join(' ', Enumerable.Repeat("00000000", 16)), Hex(request));
        Assert.Equal(516, request.WritableLength);
        Assert.Equal("05000000 01000000 " + string.Join(' ', Enumerable.Repeat("a7a7a7a7", 16)), Hex(new ProbeRequest(1, 0) { Reserved = 0xa7 }));
    }

    [Fact]
    public void Raw_bytes_go_out_as_they_are()
    {
        var request = new RawRequest([0xff, 1, 2, 3, 4], 7);
        Assert.Equal("ff010203 04", Hex(request));
        Assert.Equal(7, request.WritableLength);
    }

    private static string Hex(Request request) => string.Join(' ', request.Encode().Chunk(4).Select(Convert.ToHexStringLower));
}
