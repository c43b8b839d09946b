using Viommu.Guest.Platform;
using Viommu.Guest.Targets;

namespace Viommu.Guest.Tests.Qemu;

public class QemuTargetTests
{
    private const int Bar4 = 0x20;

    [SkippableFact]
    public void A_scan_of_bus_0_finds_the_virtio_iommu_and_two_endpoints()
    {
        using var target = QemuFixture.Open();
        var found = Enumerable.Range(0, 32)
            .Select(device => new PciAddress(0, (byte)device, 0))
            .ToDictionary(function => function, function => target.ConfigRead(function, 0, 4));

        Assert.Equal(0x1057_1af4u, found[QemuFixture.Iommu]);
        Assert.Equal(1, found.Values.Count(id => id == 0x1057_1af4));
        var edus = found.Where(pair => pair.Value == 0x11e8_1234).Select(pair => (uint)pair.Key.RequesterId);
        Assert.Equal(edus.Order(), target.BusMasters.Select(master => master.EndpointId));
        Assert.Equal(0xffff_ffffu, found[new PciAddress(0, 5, 0)]);
    }

    [SkippableFact]
    public void Firmware_describes_both_endpoints_in_a_table_whose_checksum_is_right()
    {
        using var target = QemuFixture.Open();
        Assert.Equal(0, target.ReadViot()!.Aggregate(0, (sum, value) => (byte)(sum + value)));
        var viot = Viot.Of(target)!;
        Assert.All(target.BusMasters, master => Assert.True(viot.Describes(master.EndpointId)));
    }

    [SkippableFact]
    public void Configuration_space_is_read_and_written_by_bytes_words_and_double_words()
    {
        using var target = QemuFixture.Open();
        Assert.Equal(0xf4u, target.ConfigRead(QemuFixture.Iommu, 0, 1));
        Assert.Equal(0x10u, target.ConfigRead(QemuFixture.Iommu, 3, 1));
        Assert.Equal(0x1057u, target.ConfigRead(QemuFixture.Iommu, 2, 2));
        target.ConfigWrite(QemuFixture.Iommu, Bar4 + 3, 1, 0xe1);
        Assert.Equal(0xe100_0000u, target.ConfigRead(QemuFixture.Iommu, Bar4, 4) & ~0xfu);
        Assert.Throws<ArgumentOutOfRangeException>(() => target.ConfigRead(QemuFixture.Iommu, 3, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => target.ConfigRead(QemuFixture.Iommu, 0x100, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => target.ConfigWrite(QemuFixture.Iommu, 0, 8, 0));
    }

    [SkippableFact]
    public void Both_endpoints_carry_bytes_from_memory_to_memory_while_bypass_is_on()
    {
        using var target = QemuFixture.Open();
        Assert.Equal(2, target.BusMasters.Count);
        var (from, to) = (target.Ram.Window.First, target.Ram.Window.Last - 0xfff);
        foreach (var master in target.BusMasters)
        {
            var bytes = new byte[master.BufferSize];
            new Random(master.EndpointId.GetHashCode()).NextBytes(bytes);
            target.Ram.Write(from, bytes);
            master.Load(from, 0, bytes.Length);
            master.Store(to, 0, bytes.Length);
            Assert.Equal(bytes, Read(target, to, bytes.Length));

            master.Store(to, bytes.Length - 3, 3);
            Assert.Equal(bytes[^3..], Read(target, to, 3));
        }
    }

    [SkippableFact]
    public void An_endpoint_reaches_nothing_while_bypass_is_off()
    {
        using var target = QemuFixture.Open(new TargetShape { InitialBypass = false });
        var (from, to) = (target.Ram.Window.First, target.Ram.Window.First + 0x1000);
        target.Ram.Write(from, [1, 2, 3, 4]);
        target.Ram.Write(to, [9, 9, 9, 9]);
        target.BusMasters[0].Load(from, 0, 4);
        target.BusMasters[0].Store(to, 0, 4);
        Assert.Equal([9, 9, 9, 9], Read(target, to, 4));
    }

    [SkippableFact]
    public void A_transfer_outside_the_endpoints_buffer_is_refused_before_it_can_end_QEMU()
    {
        using var target = QemuFixture.Open();
        var master = target.BusMasters[0];
        Assert.Throws<ArgumentOutOfRangeException>(() => master.Load(target.Ram.Window.First, 1, master.BufferSize));
        Assert.Throws<ArgumentOutOfRangeException>(() => master.Store(target.Ram.Window.First, -1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => master.Store(target.Ram.Window.First, 0, 0));
        target.Settle();
    }

    [SkippableFact]
    public void Memory_outside_the_window_is_refused()
    {
        using var target = QemuFixture.Open();
        var window = target.Ram.Window;
        target.Ram.Write(window.Last, [1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => target.Ram.Write(window.Last, [1, 2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => target.Ram.Write(window.First - 1, [1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => target.Ram.Read(ulong.MaxValue, new byte[2]));
    }

    [SkippableFact]
    public void A_system_reset_clears_BARs_and_device_status_and_keeps_memory_and_endpoints()
    {
        using var target = QemuFixture.Open();
        Assert.True(target.CanSystemReset);
        const ulong DeviceStatus = 0x14;
        var status = target.BarWindow.First + DeviceStatus;
        PlaceBar(target);
        target.MmioWrite(status, 1, 1);
        Assert.Equal(1ul, target.MmioRead(status, 1));
        target.Ram.Write(target.Ram.Window.First, [5, 6, 7, 8]);

        target.SystemReset();

        Assert.Equal(0u, target.ConfigRead(QemuFixture.Iommu, Bar4, 4) & ~0xfu);
        Assert.Equal(0u, target.ConfigRead(QemuFixture.Iommu, 4, 2));
        PlaceBar(target);
        Assert.Equal(0ul, target.MmioRead(status, 1));
        target.BusMasters[1].Load(target.Ram.Window.First, 0, 4);
        target.BusMasters[1].Store(target.Ram.Window.First + 0x1000, 0, 4);
        Assert.Equal([5, 6, 7, 8], Read(target, target.Ram.Window.First + 0x1000, 4));
    }

    [SkippableFact]
    public void Registers_are_little_endian_in_all_widths()
    {
        using var target = QemuFixture.Open();
        var register = target.Ram.Window.First;
        target.MmioWrite(register, 8, 0x8877_6655_4433_2211);
        Assert.Equal([0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88], Read(target, register, 8));
        Assert.Equal(0x8877_6655_4433_2211, target.MmioRead(register, 8));
        Assert.Equal(0x4433_2211ul, target.MmioRead(register, 4));
        Assert.Equal(0x3322ul, target.MmioRead(register + 1, 2));
        Assert.Equal(0x88ul, target.MmioRead(register + 7, 1));
        target.MmioWrite(register, 1, 0xfff);
        Assert.Equal(0x22fful, target.MmioRead(register, 2));
    }

    [SkippableFact]
    public void Awaiting_ends_with_the_condition_or_with_patience()
    {
        using var target = QemuFixture.Open();
        var asked = 0;
        Assert.True(target.Await(() => ++asked == 5, TimeSpan.FromMinutes(2)));
        Assert.Equal(5, asked);
        Assert.False(target.Await(() => false, TimeSpan.FromMilliseconds(20)));
    }

    [SkippableFact]
    public async Task Killing_from_another_thread_ends_a_waiting_call()
    {
        using var target = QemuFixture.Open();
        using var waiting = new ManualResetEventSlim();
        var wait = Task.Run(() => target.Await(
            () =>
            {
                waiting.Set();
                return false;
            },
            TimeSpan.FromMinutes(10)));
        waiting.Wait();
        target.Kill();
        var death = await Assert.ThrowsAsync<TargetDiedException>(() => wait);
        Assert.Contains("killed by the harness", death.Message, StringComparison.Ordinal);
        target.Kill();
    }

    [SkippableFact]
    public void A_QEMU_that_aborts_is_dead_with_the_signal_and_its_last_words()
    {
        using var target = QemuFixture.Open();
        // One byte past edu's buffer, written by hand: a fatal emulation error.
        const ulong Edu = 0xe800_0000;
        target.MmioWrite(Edu + 0x80, 8, target.Ram.Window.First);
        target.MmioWrite(Edu + 0x88, 8, 0x40000);
        target.MmioWrite(Edu + 0x90, 8, 0x2000);
        var death = Assert.Throws<TargetDiedException>(() =>
        {
            target.MmioWrite(Edu + 0x98, 8, 1);
            target.Await(() => false, TimeSpan.FromMinutes(2));
        });
        Assert.Contains("signal 6 (SIGABRT)", death.Message, StringComparison.Ordinal);
        Assert.Contains("EDU: DMA range", death.LastWords, StringComparison.Ordinal);
        Assert.Throws<TargetDiedException>(target.Settle);
    }

    [SkippableFact]
    public void The_identity_is_qemu_and_its_version_and_last_words_are_none_at_first()
    {
        using var target = QemuFixture.Open();
        Assert.Equal("qemu", target.Identity.Name);
        Assert.Matches(@"^\d+\.\d+\.\d+$", target.Identity.Version);
        Assert.Equal("(it wrote nothing)", target.LastWords);
    }

    private static void PlaceBar(ITarget target)
    {
        target.ConfigWrite(QemuFixture.Iommu, Bar4, 4, (uint)target.BarWindow.First);
        target.ConfigWrite(QemuFixture.Iommu, 4, 2, 2);
    }

    private static byte[] Read(ITarget target, ulong address, int length)
    {
        var bytes = new byte[length];
        target.Ram.Read(address, bytes);
        return bytes;
    }
}
