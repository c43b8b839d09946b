using Viommu.Guest.Driver;
using Viommu.Guest.Tests.Support;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Guest.Tests.Transport;

/// <summary>The register accesses of a driver over virtio-mmio (4.2), offsets and values typed from its tables.</summary>
public sealed class MmioTransportTests
{
    [Fact]
    public void A_version_2_device_is_initialised_step_by_step()
    {
        var slot = new FakeMmioSlot(version: 2) { Features = 0x1_0000_0057, QueueSizeMax = 4 };
        var machine = Machine.Discover(slot.Target);
        Assert.Equal(["m r4 a000000", "m r4 a000004", "m r4 a000008"], slot.Target.TakeLog());

        IommuDriver.Start(machine);
        Assert.Equal(
        [
            "70 = 0", "70 = 1", "70 = 3", // reset, ACKNOWLEDGE, DRIVER
            "14 = 0", "14 = 1", // DeviceFeaturesSel
            "24 = 0", "20 = 57", "24 = 1", "20 = 1", // DriverFeaturesSel, DriverFeatures
            "70 = b", // FEATURES_OK
            "30 = 0", "30 = 0", "38 = 4", "30 = 0", "80 = 10000", "84 = 0", "90 = 10040", "94 = 0", "a0 = 10050", "a4 = 0",
            "30 = 1", "30 = 1", "38 = 4", "30 = 1", "80 = 10080", "84 = 0", "90 = 100c0", "94 = 0", "a0 = 100d0", "a4 = 0",
            "30 = 0", "44 = 1", "30 = 1", "44 = 1", // QueueReady
            "70 = f", // DRIVER_OK
        ], slot.TakeWrites());
    }

    [Fact]
    public void A_version_1_device_gets_page_size_alignment_and_page_numbers_and_no_FEATURES_OK()
    {
        var slot = new FakeMmioSlot(version: 1) { Features = 0x57, QueueSizeMax = 256 };
        var driver = IommuDriver.Start(Machine.Discover(slot.Target));
        Assert.Equal(
        [
            "70 = 0", "70 = 1", "70 = 3", // reset, ACKNOWLEDGE, DRIVER
            "14 = 0", "24 = 0", "20 = 57", // HostFeaturesSel, GuestFeaturesSel, GuestFeatures: bits 0 to 31
            "30 = 0", "30 = 0", "38 = 100", "28 = 1000", "30 = 0", "3c = 1000", // QueueSize, GuestPageSize, QueueAlign
            "30 = 1", "30 = 1", "38 = 100", "28 = 1000", "30 = 1", "3c = 1000",
            "30 = 0", "40 = 10", "30 = 1", "40 = 13", // QueuePFN: three pages for each queue, from 0x10000
            "70 = 7", // DRIVER_OK
        ], slot.TakeWrites());
        Assert.Equal(new QueueAddresses(0x1_0000, 0x1_1000, 0x1_2000), driver.Requests.Addresses);
    }

    [Fact]
    public void ANY_LAYOUT_is_accepted_on_a_legacy_interface_where_it_is_offered()
    {
        var slot = new FakeMmioSlot(version: 1) { Features = 1UL << 27 | 4, QueueSizeMax = 8 };
        Assert.Equal(1UL << 27 | 4, IommuDriver.Start(Machine.Discover(slot.Target)).Negotiated);
    }

    [Fact]
    public void A_legacy_interface_has_no_word_for_high_feature_bits()
    {
        var transport = Machine.Discover(new FakeMmioSlot(version: 1).Target).Transport;
        Assert.Throws<ArgumentOutOfRangeException>(() => transport.WriteDriverFeatures(1UL << 32));
        Assert.Null(transport.ReadConfigGeneration());
        Assert.Throws<InvalidOperationException>(() => transport.ResetQueue(0));
    }

    [Fact]
    public void The_configuration_is_read_in_words_but_for_the_byte_of_bypass_until_its_generation_holds_still()
    {
        var slot = new FakeMmioSlot(version: 2);
        var generations = new Queue<ulong>([7, 8, 8, 8]);
        slot.Target.Mmio(FakeMmioSlot.Base + 0xfc, generations.Dequeue).Mmio(FakeMmioSlot.Base + 0x120, 512).Mmio(FakeMmioSlot.Base + 0x124, 1);
        slot.Target.Mmio(FakeMmioSlot.Base + 0x010, Features.IommuChapter);
        var machine = Machine.Discover(slot.Target);
        machine.ReadOfferedFeatures();
        slot.Target.TakeLog();
        var config = machine.ReadConfig();
        Assert.Equal((512u, (byte)1), (config.ProbeSize, config.Bypass));
        string[] once =
        [
            "m r4 a0000fc", "m r4 a000100", "m r4 a000104", "m r4 a000108", "m r4 a00010c", "m r4 a000110", "m r4 a000114", "m r4 a000118", "m r4 a00011c",
            "m r4 a000120", "m r1 a000124", "m r4 a0000fc",
        ];
        Assert.Equal([.. once, .. once], slot.Target.TakeLog());
    }

    [Fact]
    public void On_a_legacy_interface_the_configuration_is_read_until_it_is_the_same_twice()
    {
        var slot = new FakeMmioSlot(version: 1);
        var values = new Queue<ulong>([1, 2, 3, 3]);
        slot.Target.Mmio(FakeMmioSlot.Base + 0x010, Features.Probe).Mmio(FakeMmioSlot.Base + 0x120, values.Dequeue);
        Assert.Equal(3u, Machine.Discover(slot.Target).ReadConfig().ProbeSize);
        Assert.Empty(values);
    }

    [Fact]
    public void Interrupts_are_read_and_acknowledged_without_undefined_bits()
    {
        var slot = new FakeMmioSlot(version: 2);
        slot.Target.Mmio(FakeMmioSlot.Base + 0x60, 0xffff_fff2);
        var transport = Machine.Discover(slot.Target).Transport;
        slot.Target.TakeLog();
        Assert.Equal(Notifications.Config, transport.TakeNotifications());
        Assert.Equal(["m r4 a000060", "m w4 a000064 = 2"], slot.Target.TakeLog());
    }

    [Fact]
    public void A_queue_reset_is_a_one_in_QueueReset()
    {
        var slot = new FakeMmioSlot(version: 2);
        var transport = Machine.Discover(slot.Target).Transport;
        slot.Target.TakeLog();
        transport.ResetQueue(1);
        Assert.False(transport.ReadQueueReset(1));
        Assert.Equal(["m w4 a000030 = 1", "m w4 a0000c0 = 1", "m w4 a000030 = 1", "m r4 a0000c0"], slot.Target.TakeLog());
    }

    [Theory]
    [InlineData(0x000, 0x7472_6975, "MagicValue")]
    [InlineData(0x004, 3, "Version")]
    [InlineData(0x008, 1, "DeviceID")]
    public void What_is_no_virtio_iommu_is_refused(uint register, uint value, string what)
    {
        var slot = new FakeMmioSlot(version: 2);
        slot.Target.Mmio(FakeMmioSlot.Base + register, value);
        Assert.Contains(what, Assert.Throws<GuestSetupException>(() => Machine.Discover(slot.Target)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void DeviceID_0_is_a_place_without_a_device()
    {
        var slot = new FakeMmioSlot(version: 2);
        slot.Target.Mmio(FakeMmioSlot.Base + 8, 0);
        Assert.Throws<NoDeviceException>(() => Machine.Discover(slot.Target));
    }
}
