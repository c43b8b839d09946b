using Viommu.Guest.Driver;
using Viommu.Guest.Pci;
using Viommu.Guest.Targets;
using Viommu.Guest.Tests.Support;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Guest.Tests.Transport;

/// <summary>The register accesses of a driver over modern PCI (4.1), offsets typed from struct virtio_pci_common_cfg.</summary>
public sealed class PciTransportTests
{
    // BAR0 lands at the bottom of the window; common, notify, ISR and device configuration at 0, 0x3000, 0x1000 and 0x2000 of it.
    private const ulong Common = 0xe000_0000;

    [Fact]
    public void Features_are_selected_and_moved_in_two_words()
    {
        var (target, transport) = Open();
        transport.WriteDriverFeatures(0x0123_4567_89ab_cdef);
        Assert.Equal(["m w4 e0000008 = 0", "m w4 e000000c = 89abcdef", "m w4 e0000008 = 1", "m w4 e000000c = 1234567"], target.TakeLog());
        transport.ReadDeviceFeatures();
        Assert.Equal(["m w4 e0000000 = 0", "m r4 e0000004", "m w4 e0000000 = 1", "m r4 e0000004"], target.TakeLog());
    }

    [Fact]
    public void A_queue_is_sized_placed_enabled_and_reset()
    {
        var (target, transport) = Open();
        transport.WriteQueueSize(1, 0x80);
        transport.WriteQueueAddresses(1, new QueueAddresses(0x1_2345_6780, 0x2_0000_0010, 0x3_0000_0020));
        transport.EnableQueue(1);
        transport.ResetQueue(1);
        Assert.Equal(
        [
            "m w2 e0000016 = 1", "m w2 e0000018 = 80",
            "m w2 e0000016 = 1", "m w4 e0000020 = 23456780", "m w4 e0000024 = 1", "m w4 e0000028 = 10", "m w4 e000002c = 2", "m w4 e0000030 = 20", "m w4 e0000034 = 3",
            "m w2 e0000016 = 1", "m w2 e000001c = 1",
            "m w2 e0000016 = 1", "m w2 e000003a = 1",
        ], target.TakeLog());
    }

    [Fact]
    public void Status_generation_and_ISR_are_bytes()
    {
        var (target, transport) = Open();
        transport.WriteStatus(DeviceStatus.Acknowledge | DeviceStatus.Driver);
        transport.ReadStatus();
        transport.ReadConfigGeneration();
        transport.ReadIsr();
        transport.ReadConfig(36, 1);
        Assert.Equal(["m w1 e0000014 = 3", "m r1 e0000014", "m r1 e0000015", "m r1 e0001000", "m r1 e0002024"], target.TakeLog());
    }

    [Fact]
    public void A_notification_is_the_queues_number_at_notify_off_times_the_multiplier()
    {
        var (target, transport) = Open();
        target.Mmio(Common + 0x1e, 3);
        transport.Notify(1);
        Assert.Equal(["m w2 e0000016 = 1", "m r2 e000001e", "m w2 e000300c = 1"], target.TakeLog());
    }

    [Fact]
    public void With_NOTIFICATION_DATA_a_notification_carries_the_position_in_its_upper_half()
    {
        var (target, transport) = Open();
        transport.Notify(1, 0x8123);
        Assert.Equal("m w4 e0003000 = 81230001", target.TakeLog()[^1]);
    }

    [Fact]
    public void With_NOTIF_CONFIG_DATA_a_notification_carries_what_the_device_names_the_queue_by()
    {
        var (target, transport) = Open();
        target.Mmio(Common + 0x38, 0xbeef);
        transport.WriteDriverFeatures(Features.Version1 | Features.NotifConfigData);
        transport.Notify(1);
        Assert.Equal("m w2 e0003000 = beef", target.TakeLog()[^1]);
        transport.Notify(1, 0x0007);
        Assert.Equal("m w4 e0003000 = 7beef", target.TakeLog()[^1]);
    }

    [Theory]
    [InlineData(0, 1, true)]
    [InlineData(0xffff, 1, false)]
    [InlineData(0, 0xffff, false)]
    public void A_vector_is_read_back_and_one_that_could_not_be_mapped_is_reported(uint config, uint queue, bool routed)
    {
        var (target, transport) = Open(vectors: 3);
        target.Mmio(Common + 0x10, config).Mmio(Common + 0x12, 1).Mmio(Common + 0x18, 64).Mmio(Common + 0x1a, queue);
        Assert.Equal(routed, transport.RouteNotifications(NotificationMode.Messages, target.Ram.Window.First));
        var log = target.TakeLog();
        Assert.Equal(log.IndexOf("m w2 e0000010 = 0") + 1, log.IndexOf("m r2 e0000010"));
        Assert.Equal(log.IndexOf("m w2 e000001a = 1") + 1, log.IndexOf("m r2 e000001a"));
    }

    private static (RecordingTarget Target, PciTransport Transport) Open(int vectors = 0)
    {
        var target = new RecordingTarget { Iommu = new DeviceLocation.PciFunction() }
            .Config(0x00, 0x1af4).Config(0x02, 0x1057).Config(0x06, 1 << 4).Config(0x10, 0xffff_0000).Config(0x34, 0x40);
        Capability(0x40, next: 0x60, type: 1, offset: 0);
        Capability(0x60, next: 0x80, type: 2, offset: 0x3000).Config(0x70, 4);
        Capability(0x80, next: 0xa0, type: 3, offset: 0x1000);
        Capability(0xa0, next: vectors == 0 ? 0u : 0xc0, type: 4, offset: 0x2000);
        if (vectors > 0) target.Config(0xc0, PciCapability.MsiX).Config(0xc2, (uint)vectors - 1).Config(0xc4, 0x4000);
        var transport = (PciTransport)Machine.Discover(target).Transport;
        target.TakeLog();
        return (target, transport);

        RecordingTarget Capability(int at, uint next, uint type, uint offset) =>
            target.Config(at, next << 8 | PciCapability.VendorSpecific).Config(at + 3, type).Config(at + 4, 0).Config(at + 8, offset);
    }
}
