using Viommu.Device.Tests.Support;
using Viommu.Device.Transport.Pci;

namespace Viommu.Device.Tests.Transport;

public class PciConfigSpaceTests
{
    private readonly Machine _machine = new();

    private VirtioPciFunction Function => _machine.Function;

    private List<(int Offset, byte Id)> Capabilities()
    {
        var found = new List<(int, byte)>();
        for (int offset = (int)Function.ConfigRead(0x34, 1); offset != 0; offset = (int)Function.ConfigRead(offset + 1, 1))
        {
            Assert.Equal(0, offset % 4);
            found.Add((offset, (byte)Function.ConfigRead(offset, 1)));
        }

        return found;
    }

    private int Virtio(byte type) =>
        Capabilities().First(capability => capability.Id == 0x09 && Function.ConfigRead(capability.Offset + 3, 1) == type).Offset;

    [Fact]
    public void Identity_is_that_of_a_non_transitional_iommu()
    {
        Assert.Equal(0x1057_1af4u, Function.ConfigRead(0x00, 4));
        Assert.Equal(1u, Function.ConfigRead(0x08, 1));
        Assert.Equal(0x0806u, Function.ConfigRead(0x0a, 2));
        Assert.True(Function.ConfigRead(0x2e, 2) >= 0x40);
        Assert.Equal(0u, Function.ConfigRead(0x0e, 1));
        Assert.Equal(1u, Function.ConfigRead(0x3d, 1));
        Assert.Equal(0x10u, Function.ConfigRead(0x06, 2));
    }

    // Every byte of each capability but the link, typed from section 4.1.4.
    [Theory]
    [InlineData(1, 0x10, 0x0000, 0x40)]
    [InlineData(2, 0x14, 0x3000, 8)]
    [InlineData(3, 0x10, 0x1000, 1)]
    [InlineData(4, 0x10, 0x2000, 40)]
    [InlineData(5, 0x14, 0, 0)]
    public void Each_structure_has_its_capability(byte type, byte length, uint offset, uint size)
    {
        int at = Virtio(type);
        Assert.Equal(length, Function.ConfigRead(at + 2, 1));
        Assert.Equal(0u, Function.ConfigRead(at + 4, 4));
        Assert.Equal(offset, Function.ConfigRead(at + 8, 4));
        Assert.Equal(size, Function.ConfigRead(at + 12, 4));
        if (type == 2) Assert.Equal(4u, Function.ConfigRead(at + 16, 4));
    }

    [Fact]
    public void Msix_comes_first_with_its_table_in_BAR_1()
    {
        var (at, id) = Capabilities()[0];
        Assert.Equal(0x11, id);
        Assert.Equal(0x0002u, Function.ConfigRead(at + 2, 2));
        Assert.Equal(0x0000_0001u, Function.ConfigRead(at + 4, 4));
        Assert.Equal(0x0000_0801u, Function.ConfigRead(at + 8, 4));
        Assert.Equal(6, Capabilities().Count);
    }

    [Fact]
    public void Without_vectors_there_is_neither_capability_nor_BAR()
    {
        var machine = new Machine(pci: new() { MsixVectors = 0 });
        Assert.Equal(0x09u, machine.Function.ConfigRead((int)machine.Function.ConfigRead(0x34, 1), 1));
        machine.Function.ConfigWrite(0x14, 4, uint.MaxValue);
        Assert.Equal(0u, machine.Function.ConfigRead(0x14, 4));
        machine.SetCommon(0x10, 2, 0);
        Assert.Equal(0xffffu, machine.Common(0x10, 2));
    }

    [Theory]
    [InlineData(0x10, 0xffffc000u)]
    [InlineData(0x14, 0xfffff000u)]
    [InlineData(0x18, 0u)]
    [InlineData(0x24, 0u)]
    [InlineData(0x30, 0u)]
    public void Writing_ones_to_a_BAR_reads_back_its_size(int register, uint mask)
    {
        Function.ConfigWrite(register, 4, uint.MaxValue);
        Assert.Equal(mask, Function.ConfigRead(register, 4));
    }

    [Theory]
    [InlineData(64, 0x800u, 0x1000u)]
    [InlineData(2048, 0x8000u, 0x10000u)]
    public void The_msix_bar_grows_with_its_table(int vectors, uint pendingOffset, uint size)
    {
        var function = new Machine(pci: new() { MsixVectors = vectors }).Function;
        function.ConfigWrite(0x14, 4, uint.MaxValue);
        Assert.Equal(~(size - 1), function.ConfigRead(0x14, 4));
        Assert.Equal((uint)vectors - 1, function.ConfigRead(0x42, 2));
        Assert.Equal(pendingOffset | 1, function.ConfigRead(0x48, 4));
    }

    [Fact]
    public void BARs_decode_only_where_placed_and_while_memory_space_is_enabled()
    {
        Assert.True(Function.TryMmioRead(Machine.Bar0 + 0x3ffc, 4, out _));
        Assert.False(Function.TryMmioRead(Machine.Bar0 + 0x3ffe, 4, out _));
        Assert.False(Function.TryMmioRead(Machine.Bar0 + 0x4000, 1, out _));
        Assert.False(Function.TryMmioRead(Machine.Bar0 - 1, 1, out _));
        Assert.False(Function.TryMmioRead(Machine.Bar0 + 0x1_0000_0000, 1, out _));
        Function.ConfigWrite(0x10, 4, 0xd000_0000);
        Assert.False(Function.TryMmioWrite(Machine.Bar0, 4, 0));
        Assert.True(Function.TryMmioWrite(0xd000_0000, 4, 0));
        Function.ConfigWrite(0x10, 4, 0);
        Assert.False(Function.TryMmioRead(0, 4, out _));
        Function.ConfigWrite(0x10, 4, 0xd000_0000);
        Function.ConfigWrite(0x04, 2, 0x4);
        Assert.False(Function.TryMmioWrite(0xd000_0000, 4, 0));
    }

    [Fact]
    public void Read_only_bytes_ignore_writes_and_odd_accesses_do_nothing()
    {
        byte[] writable = [0x04, 0x05, 0x3c];
        for (int offset = 0; offset < 0x40; offset++)
        {
            uint before = Function.ConfigRead(offset, 1);
            if (writable.Contains((byte)offset) || offset is >= 0x10 and < 0x18) continue;
            Function.ConfigWrite(offset, 1, ~before);
            Assert.Equal(before, Function.ConfigRead(offset, 1));
        }

        Function.ConfigWrite(0x04, 2, 0xffff);
        Assert.Equal(0x406u, Function.ConfigRead(0x04, 2));
        Assert.Equal(0u, Function.ConfigRead(0x01, 2));
        Assert.Equal(0u, Function.ConfigRead(0x100, 4));
        Assert.Equal(0u, Function.ConfigRead(-4, 4));
        Assert.Equal(0u, Function.ConfigRead(0, 8));
        Function.ConfigWrite(0x3d, 4, 0);
        Function.ConfigWrite(0xfe, 4, 0);
    }

    [Fact]
    public void The_access_window_reads_and_writes_structures_without_a_BAR()
    {
        int window = Virtio(5);
        Function.ConfigWrite(0x04, 2, 0);
        Point(0x12, 2);
        Assert.Equal(2u, Function.ConfigRead(window + 16, 4) & 0xffff);
        Point(0x08, 4);
        Function.ConfigWrite(window + 16, 4, 0x12345678);
        _machine.PlaceBars();
        Assert.Equal(0x12345678u, _machine.Common(0x08, 4));

        void Point(uint offset, uint length)
        {
            Function.ConfigWrite(window + 4, 1, 0);
            Function.ConfigWrite(window + 8, 4, offset);
            Function.ConfigWrite(window + 12, 4, length);
        }
    }

    [Theory]
    [InlineData(1, 0u, 4u)]
    [InlineData(0, 0u, 3u)]
    [InlineData(0, 2u, 4u)]
    [InlineData(0, 0x4000u, 4u)]
    [InlineData(0, 0xffff_fffcu, 4u)]
    [InlineData(0, 0u, 0u)]
    public void A_window_that_points_nowhere_touches_nothing(byte bar, uint offset, uint length)
    {
        int window = Virtio(5);
        Function.ConfigWrite(window + 4, 1, bar);
        Function.ConfigWrite(window + 8, 4, offset);
        Function.ConfigWrite(window + 12, 4, length);
        Function.ConfigWrite(window + 16, 4, 7);
        Assert.Equal(7u, Function.ConfigRead(window + 16, 4));
        Assert.Equal(0u, _machine.Common(0, 4));
    }

    [Fact]
    public void A_system_reset_takes_the_BARs_away_and_keeps_nothing()
    {
        _machine.EnableMsix();
        _machine.Start();
        _machine.Write(Machine.DeviceConfig + 36, 1, 0);
        Function.SystemReset();
        Assert.Equal(0u, Function.ConfigRead(0x04, 2));
        Assert.Equal(0u, Function.ConfigRead(0x10, 4));
        Assert.Equal(0x0002u, Function.ConfigRead(0x42, 2));
        Assert.False(Function.TryMmioRead(Machine.Bar0, 4, out _));
        _machine.PlaceBars();
        Assert.Equal(0, _machine.Status);
        Assert.Equal(1ul, _machine.Read(Machine.DeviceConfig + 36, 1));
        Assert.Equal(1ul, _machine.Read(Machine.Bar1 + 12, 4));
        Assert.Equal(0ul, _machine.Read(Machine.Bar1, 8));
    }
}
