using Viommu.Device.Tests.Support;
using Viommu.Device.Transport.Mmio;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Transport;

/// <summary>Sections 4.2.2 and 4.2.4: the two register tables, row by row as the spec has them.</summary>
public class MmioRegistersTests
{
    private static readonly (string Name, int Offset, string Direction)[] _version2 =
    [
        ("MagicValue", 0x000, "R"), ("Version", 0x004, "R"), ("DeviceID", 0x008, "R"), ("VendorID", 0x00c, "R"),
        ("DeviceFeatures", 0x010, "R"), ("DeviceFeaturesSel", 0x014, "W"),
        ("DriverFeatures", 0x020, "W"), ("DriverFeaturesSel", 0x024, "W"),
        ("QueueSel", 0x030, "W"), ("QueueSizeMax", 0x034, "R"), ("QueueSize", 0x038, "W"), ("QueueReady", 0x044, "RW"),
        ("QueueNotify", 0x050, "W"), ("InterruptStatus", 0x60, "R"), ("InterruptACK", 0x064, "W"), ("Status", 0x070, "RW"),
        ("QueueDescLow", 0x080, "W"), ("QueueDescHigh", 0x084, "W"),
        ("QueueDriverLow", 0x090, "W"), ("QueueDriverHigh", 0x094, "W"),
        ("QueueDeviceLow", 0x0a0, "W"), ("QueueDeviceHigh", 0x0a4, "W"),
        ("SHMSel", 0x0ac, "W"), ("SHMLenLow", 0x0b0, "R"), ("SHMLenHigh", 0x0b4, "R"),
        ("SHMBaseLow", 0x0b8, "R"), ("SHMBaseHigh", 0x0bc, "R"),
        ("QueueReset", 0x0c0, "RW"), ("ConfigGeneration", 0x0fc, "R"),
    ];

    private static readonly (string Name, int Offset, string Direction)[] _version1 =
    [
        ("MagicValue", 0x000, "R"), ("Version", 0x004, "R"), ("DeviceID", 0x008, "R"), ("VendorID", 0x00c, "R"),
        ("HostFeatures", 0x010, "R"), ("HostFeaturesSel", 0x014, "W"),
        ("GuestFeatures", 0x020, "W"), ("GuestFeaturesSel", 0x024, "W"),
        ("GuestPageSize", 0x028, "W"),
        ("QueueSel", 0x030, "W"), ("QueueSizeMax", 0x034, "R"), ("QueueSize", 0x038, "W"), ("QueueAlign", 0x03c, "W"),
        ("QueuePFN", 0x040, "RW"),
        ("QueueNotify", 0x050, "W"), ("InterruptStatus", 0x60, "R"), ("InterruptACK", 0x064, "W"), ("Status", 0x070, "RW"),
    ];

    [Fact]
    public void The_tables_are_those_of_the_spec()
    {
        Assert.Equal(_version2, MmioModernRegisters.Table.Select(Row));
        Assert.Equal(_version1, MmioLegacyRegisters.Table.Select(Row));

        static (string, int, string) Row(MmioRegister register) =>
            (register.Name, register.Offset, (register.Read is null ? "" : "R") + (register.Write is null ? "" : "W"));
    }

    // What a device reads as after reset, typed from the tables; a place without a register reads as 0.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_device_after_reset_reads_like_this(bool legacy)
    {
        var machine = new MmioMachine(new() { Legacy = legacy });
        var expected = new Dictionary<int, uint>
        {
            [0x000] = 0x74726976,
            [0x004] = legacy ? 1u : 2u,
            [0x008] = 23,
            [0x00c] = 0x1af4,
            [0x010] = legacy ? 0x3800_0077u : 0x3000_0077u,
            [0x034] = 16,
        };
        if (!legacy)
        {
            foreach (int shared in new[] { 0x0b0, 0x0b4, 0x0b8, 0x0bc }) expected[shared] = 0xffff_ffff;
        }

        for (int offset = 0; offset < 0x100; offset += 4) Assert.Equal((offset, expected.GetValueOrDefault(offset)), (offset, machine[offset]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Read_only_registers_and_holes_ignore_writes(bool legacy)
    {
        var machine = new MmioMachine(new() { Legacy = legacy });
        var written = (legacy ? _version1 : _version2).Where(row => row.Direction != "R").Select(row => row.Offset).ToHashSet();
        var before = Enumerable.Range(0, 64).Select(i => machine[4 * i]).ToArray();
        for (int offset = 0; offset < 0x100; offset += 4)
        {
            if (!written.Contains(offset)) machine[offset] = 1;
        }

        Assert.Equal(before, Enumerable.Range(0, 64).Select(i => machine[4 * i]));
        Assert.Equal(0u, machine.Status);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Control_registers_answer_to_aligned_accesses_of_32_bits_alone(bool legacy)
    {
        var machine = new MmioMachine(new() { Legacy = legacy });
        foreach (int width in new[] { 0, 1, 2, 3, 8 })
        {
            for (int offset = 0; offset < 0x100; offset++)
            {
                Assert.Equal(0ul, machine.Mmio.Read(offset, width));
                machine.Mmio.Write(offset, width, 1);
            }
        }

        for (int offset = 1; offset < 0x100; offset += 4)
        {
            Assert.Equal(0ul, machine.Mmio.Read(offset, 4));
            machine.Mmio.Write(offset, 4, 1);
        }

        Assert.Equal(0u, machine.Status);
        Assert.Equal(16u, machine[0x034]);
    }

    [Theory]
    [InlineData(-4)]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    [InlineData(0x128)]
    [InlineData(0x200)]
    [InlineData(int.MaxValue)]
    public void Outside_of_registers_and_configuration_there_is_nothing(int offset)
    {
        var machine = new MmioMachine();
        foreach (int width in new[] { 1, 2, 4, 8 })
        {
            machine.Mmio.Write(offset, width, ulong.MaxValue);
            Assert.Equal(0ul, machine.Mmio.Read(offset, width));
        }
    }

    [Fact]
    public void Feature_words_follow_their_selectors()
    {
        var machine = new MmioMachine();
        Assert.Equal(0x0000_0901_3000_0077ul, machine.OfferedFeatures());
        machine[0x014] = 2;
        Assert.Equal(0u, machine[0x010]);
        machine[0x014] = 0x8000_0000;
        Assert.Equal(0u, machine[0x010]);
    }

    [Fact]
    public void Configuration_reads_the_same_with_every_width_and_at_every_offset()
    {
        var machine = new MmioMachine();
        var bytes = Enumerable.Range(0, 40).Select(i => (byte)machine.Mmio.Read(0x100 + i, 1)).ToArray();
        Assert.Equal(0xffff_ffff_ffff_f000ul, BitConverter.ToUInt64(bytes));
        Assert.Contains(bytes[8..36], b => b != 0);
        foreach (int width in new[] { 2, 4, 8 })
        {
            for (int offset = 0; offset + width <= 40; offset++)
            {
                var padded = bytes[offset..(offset + width)].Concat(new byte[8 - width]).ToArray();
                Assert.Equal(BitConverter.ToUInt64(padded), machine.Mmio.Read(0x100 + offset, width));
            }

            Assert.Equal(0ul, machine.Mmio.Read(0x100 + 41 - width, width));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_device_without_VERSION_1_is_refused(bool legacy)
    {
        var options = new VirtioMmioOptions { Legacy = legacy, Features = 0 };
        Assert.Contains("VERSION_1", Assert.Throws<ArgumentException>(() => new MmioMachine(options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NOTIF_CONFIG_DATA_is_for_PCI()
    {
        var options = new VirtioMmioOptions { Features = VirtioFeatures.Default | VirtioFeatures.NotificationConfigData };
        Assert.Contains("0x8000000000", Assert.Throws<ArgumentException>(() => new MmioMachine(options)).Message, StringComparison.Ordinal);
    }
}
