using Viommu.Guest.Platform;
using Viommu.Guest.Targets;

namespace Viommu.Guest.Tests.Platform;

public class ViotTests
{
    private static readonly PciAddress Iommu = new(0, 3, 0);

    // Typed from ACPI 6.4, section 5.2.34: two IOMMUs, a PCI range over two segments, a platform device, and a range of the other IOMMU.
    private static readonly byte[] Table = Convert.FromHexString(string.Concat(
        "56494f54", "98000000", "0000", "000000000000", "0000000000000000", "00000000", "00000000", "00000000", "0500", "3000", "0000000000000000",
        "03001000", "0000", "1800", "0000000000000000",
        "04001000", "00000000", "0000000a00000000",
        "01001800", "00010000", "0000", "0100", "0800", "1700", "3000", "000000000000",
        "02001800", "77000000", "00f0000a00000000", "3000", "000000000000",
        "01001800", "00000900", "0000", "0000", "0000", "ff00", "4000", "000000000000"));

    [Fact]
    public void A_range_counts_functions_and_64_Ki_for_each_segment()
    {
        var viot = Viot.Read(Table, Iommu, mmio: null);
        Assert.Equal([new(0x100, 0x10f), new(0x1_0100, 0x1_010f), new(0x77, 0x77)], viot.Endpoints);
        Assert.True(viot.Describes(0x10f));
        Assert.False(viot.Describes(0x110));
    }

    [Fact]
    public void Each_IOMMU_has_its_own_endpoints() => Assert.Equal([new(0x9_0000, 0x9_00ff)], Viot.Read(Table, pci: null, mmio: 0x0a00_0000).Endpoints);

    [Fact]
    public void A_table_without_the_IOMMU_says_so() =>
        Assert.Contains("does not have the virtio-iommu", Assert.Throws<GuestSetupException>(() => Viot.Read(Table, new PciAddress(0, 4, 0), null)).Message, StringComparison.Ordinal);

    [Fact]
    public void Every_table_that_is_cut_or_has_a_wrong_byte_is_read_or_refused()
    {
        for (var length = 0; length < Table.Length; length++) Assert.Throws<GuestSetupException>(() => Viot.Read(Table.AsSpan(0, length), Iommu, null));
        for (var at = 0; at < Table.Length; at++)
        {
            foreach (byte value in new byte[] { 0, 1, 0x7f, 0xff })
            {
                byte[] changed = [.. Table];
                changed[at] = value;
                try
                {
                    Assert.True(Viot.Read(changed, Iommu, null).Endpoints.Count <= 0x1_0001);
                }
                catch (GuestSetupException refused)
                {
                    Assert.Contains("VIOT", refused.Message, StringComparison.Ordinal);
                }
            }
        }
    }
}
