using FsCheck;
using FsCheck.Fluent;
using Viommu.Device.Tests.Support;
using Viommu.Device.Topology;

namespace Viommu.Device.Tests.Topology;

/// <summary>The reader is given tables that a hostile or broken firmware wrote.</summary>
public class ViotReaderTests
{
    private const int Pci = 0x30;
    private const int Slot = 0x40;
    private const int Range = 0x50;

    [Fact]
    public void What_is_written_is_read()
    {
        var written = ViotTable.Describe(Platform.TwoIommus);
        Assert.True(ViotReader.TryRead(written.Encode(), out var read, out var error));
        Assert.Equal(default, error);
        Assert.Equal(written.Iommus, read.Iommus);
        Assert.Equal(written.PciRanges, read.PciRanges);
        Assert.Equal(written.MmioEndpoints, read.MmioEndpoints);
    }

    public static TheoryData<ViotFault, int, int, byte[]> Spoilt => new()
    {
        { ViotFault.Signature, 0, 0, [0x57] },
        { ViotFault.Length, 4, 4, [0xaf] },
        { ViotFault.Length, 4, 4, [0xb0, 0, 0, 0x80] },
        { ViotFault.NodeOffset, 38, 38, [0x2f] },
        { ViotFault.NodeOffset, 0xb0, 38, [0xb0] },
        { ViotFault.NodeOffset, 0xffff, 38, [0xff, 0xff] },
        { ViotFault.NodeOffset, 0xb0, 36, [0xff, 0xff] },
        { ViotFault.NodeType, Pci, Pci, [0] },
        { ViotFault.NodeType, Range, Range, [5] },
        { ViotFault.NodeLength, Pci, Pci + 2, [0] },
        { ViotFault.NodeLength, Pci, Pci + 2, [15] },
        { ViotFault.NodeLength, Range, Range + 2, [23] },
        { ViotFault.NodeLength, Range, Range + 2, [0xff, 0xff] },
        { ViotFault.OutputNode, Range + 16, Range + 16, [0x31] },
        { ViotFault.OutputNode, Range + 16, Range + 16, [Range] },
        { ViotFault.OutputNode, Range + 16, Range + 16, [0xff, 0xff] },
        { ViotFault.Inverted, Range, Range + 8, [1] },
        { ViotFault.Inverted, Range, Range + 12, [8] },
        { ViotFault.EndpointOverflow, Range, Range + 4, [0xf9, 0xff, 0xff, 0xff] },
    };

    [Theory]
    [MemberData(nameof(Spoilt))]
    public void A_fault_is_named_with_its_place(ViotFault fault, int at, int offset, byte[] bytes)
    {
        var table = ViotTable.Describe(Platform.TwoIommus).Encode();
        bytes.CopyTo(table, offset);
        Assert.False(ViotReader.TryRead(Sealed(table), out var read, out var error));
        Assert.Equal(new(fault, at), error);
        Assert.Empty(read.Iommus);
    }

    [Fact]
    public void Too_few_bytes_and_a_wrong_sum_are_named()
    {
        var table = ViotTable.Describe(Platform.TwoIommus).Encode();
        Assert.False(ViotReader.TryRead(table.AsSpan(0, 47), out _, out var error));
        Assert.Equal(new(ViotFault.TooShort, 47), error);
        table[^1]++;
        Assert.False(ViotReader.TryRead(table, out _, out error));
        Assert.Equal(new(ViotFault.Checksum, 9), error);
    }

    [Fact]
    public void A_range_up_to_the_last_endpoint_id_is_legal()
    {
        var table = ViotTable.Describe(Platform.TwoIommus).Encode();
        new byte[] { 0xf8, 0xff, 0xff, 0xff }.CopyTo(table, Range + 4);
        Assert.True(ViotReader.TryRead(Sealed(table), out var read, out _));
        Assert.Equal([new(0xfffffff8, 0xffffffff)], read.PciRanges[0].EndpointIds);
    }

    [Fact]
    public void Longer_nodes_and_reserved_bytes_are_skipped()
    {
        // The second IOMMU grows by 24 bytes, which are the range that followed it.
        var table = ViotTable.Describe(Platform.TwoIommus).Encode();
        table[Slot + 2] = 16 + 24;
        table[36]--;
        table[40] = table[Slot + 1] = 0xff;
        Assert.True(ViotReader.TryRead(Sealed(table), out var read, out _));
        Assert.Equal(2, read.Iommus.Count);
        Assert.Equal(2, read.PciRanges.Count);
    }

    [Fact]
    public void Whatever_the_bytes_are_a_table_or_a_fault_comes_back()
    {
        var valid = ViotTable.Describe(Platform.TwoIommus).Encode();
        var change = Gen.Choose(0, valid.Length - 1).Zip(Gen.Choose(0, 255));
        Prop.ForAll(change.ListOf().ToArbitrary(), changes =>
        {
            var table = valid.ToArray();
            foreach (var (at, value) in changes.Where(change => change.Item1 is not (>= 4 and < 8)))
                table[at] = (byte)value;
            bool isTable = ViotReader.TryRead(Sealed(table), out var read, out var error);
            Assert.Equal(isTable, error.Fault == ViotFault.None);
            if (isTable) Assert.All(read.PciRanges, range => Assert.Contains(range.Iommu, read.Iommus));
        }).QuickCheckThrowOnFailure();
    }

    private static byte[] Sealed(byte[] table)
    {
        table[9] = 0;
        table[9] = (byte)-table.Sum(value => value);
        return table;
    }
}
