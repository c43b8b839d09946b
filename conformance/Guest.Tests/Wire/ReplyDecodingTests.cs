using Viommu.Guest.Wire;

namespace Viommu.Guest.Tests.Wire;

/// <summary>What the device writes, decoded from bytes typed by hand.</summary>
public sealed class ReplyDecodingTests
{
    [Fact]
    public void A_configuration_is_mask_input_range_domain_range_probe_size_and_bypass()
    {
        var config = IommuConfig.Decode(Bytes("00f0ffff ffffffff 00100000 00000000 ffffffff ffff0000 02000000 fdffffff 00020000 01000000"));
        Assert.Equal(new IommuConfig(0xffff_ffff_ffff_f000, 0x1000, 0xffff_ffff_ffff, 2, 0xffff_fffd, 512, 1), config);
        Assert.Equal(0x1000u, config.Granule);
    }

    [Fact]
    public void A_fault_is_reason_reserved_flags_endpoint_reserved_and_address()
    {
        var fault = FaultReport.Decode(Bytes("02ccbbaa 02010000 28000000 44332211 08070605 04030201"));
        Assert.Equal(new FaultReport(FaultReport.ReasonMapping, 0xaabbcc, FaultReport.WriteFlag | FaultReport.AddressFlag, 0x28, 0x11223344, 0x0102030405060708), fault);
    }

    [Fact]
    public void Properties_are_a_walk_of_headers_that_ends_at_type_0()
    {
        var properties = ProbeProperty.Parse(Bytes(
            "01001400 01000000 0000e0fe 00000000 ffffeffe 00000000 "  // RESV_MEM, MSI, 0xfee00000..0xfeefffff
            + "02f00100 99 01001400 00030201 00000003 00000000 ffff0003 00000000 "  // an unknown one with its reserved bits set, then RESV_MEM
            + "00000000 01001400"));
        Assert.Equal([1, 2, 1], properties.Select(property => (int)property.Type));
        Assert.Equal(new ReservedRegion(ReservedRegion.MsiSubtype, 0, 0xfee0_0000, 0xfeef_ffff), properties[0].AsReservedRegion());
        Assert.Equal(0xf, properties[1].Reserved);
        Assert.Null(properties[1].AsReservedRegion());
        Assert.Equal(new ReservedRegion(ReservedRegion.ReservedSubtype, 0x010203, 0x300_0000, 0x300_ffff), properties[2].AsReservedRegion());
    }

    [Fact]
    public void A_property_that_does_not_fit_is_cut_and_says_so()
    {
        var property = Assert.Single(ProbeProperty.Parse(Bytes("01001400 00000000")));
        Assert.True(property.IsTruncated);
        Assert.Null(property.AsReservedRegion());
    }

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
}
