using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Tests.Support;
using Viommu.Guest.Transport;

namespace Viommu.Guest.Tests.Transport;

/// <summary>The port accesses of a driver through the legacy interface of PCI (4.1.4.10), offsets typed from its table.</summary>
public sealed class TransitionalPciTransportTests
{
    [Fact]
    public void The_function_is_known_by_its_subsystem_and_its_IO_BAR_is_placed_and_enabled()
    {
        var target = Target();
        Machine.Discover(target);
        var writes = target.TakeLog().Where(line => line.StartsWith("c w", StringComparison.Ordinal)).ToList();
        Assert.Contains("c w4 10 = c000", writes);
        Assert.Equal("c w2 4 = 7", writes[^1]);
    }

    [Fact]
    public void Every_field_of_the_header_is_where_the_table_has_it()
    {
        var (target, transport) = Open();
        transport.ReadDeviceFeatures();
        transport.WriteDriverFeatures(0x89ab_cdef);
        transport.WriteQueueAddresses(1, new QueueAddresses(0x1234_5000, 0x1234_6000, 0x1234_7000));
        transport.EnableQueue(1);
        transport.ReadQueueSize(1);
        transport.Notify(1);
        transport.WriteStatus(Guest.Wire.DeviceStatus.Acknowledge);
        transport.TakeNotifications();
        Assert.Equal(
        [
            "i r4 c000", "i w4 c004 = 89abcdef", "i w2 c00e = 1", "i w4 c008 = 12345", "i w2 c00e = 1", "i r2 c00c", "i w2 c010 = 1", "i w1 c012 = 1", "i r1 c013",
        ], target.TakeLog());
    }

    [Fact]
    public void Device_configuration_follows_the_header_without_MSIX_at_20()
    {
        var (target, transport) = Open();
        target.Io(0xc014, 0x1111_1111).Io(0xc018, 0x2222_2222);
        Assert.Equal(0x2222_2222_1111_1111u, transport.ReadConfig(0, 8));
        transport.WriteConfig(36, 1, 1);
        Assert.Equal(["i r4 c014", "i r4 c018", "i w1 c038 = 1"], target.TakeLog());
    }

    [Fact]
    public void The_size_of_a_queue_is_the_devices_and_more_is_not_asked_for()
    {
        var target = Target().Io(0xc00c, 64).Io(0xc012, 0);
        var machine = Machine.Discover(target);
        Assert.Equal(64, IommuDriver.Start(machine).Requests.Size);
        Assert.Throws<GuestSetupException>(() => IommuDriver.Start(machine, new DriverSettings { RequestQueueSize = 32 }));
        Assert.False(machine.Transport.RouteNotifications(NotificationMode.Messages, 0));
    }

    [Theory]
    [InlineData(0x5000_0800UL)]
    [InlineData(0x1000_0000_0000_0000UL)]
    public void A_queue_that_no_page_number_names_is_not_placed(ulong at) =>
        Assert.Throws<ArgumentException>(() => Open().Transport.WriteQueueAddresses(0, new QueueAddresses(at, 0, 0)));

    private static (RecordingTarget Target, IVirtioTransport Transport) Open()
    {
        var target = Target();
        var transport = Machine.Discover(target).Transport;
        target.TakeLog();
        return (target, transport);
    }

    // An I/O BAR of 64 bytes; a transitional ID, revision 0, subsystem ID 23.
    private static RecordingTarget Target() => new RecordingTarget { Iommu = new DeviceLocation.TransitionalPciFunction() }
        .Config(0x00, 0x1af4).Config(0x02, 0x1017).Config(0x08, 0).Config(0x2e, 23).Config(0x10, 0xffff_ffc1);
}
