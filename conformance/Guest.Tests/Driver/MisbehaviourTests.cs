using Viommu.Guest.Driver;
using Viommu.Guest.Tests.Support;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Guest.Tests.Driver;

/// <summary>Everything that a driver must not do can be done: any bytes, any descriptors, any registers, in any order.</summary>
public sealed class MisbehaviourTests
{
    [Fact]
    public void Requests_of_any_bytes_go_out_with_any_room_for_the_reply_cut_anywhere()
    {
        var driver = Start(Features.Version1);
        var exchange = driver.MakeAvailable(new RawRequest([0xff, 1, 2, 3, 4], 3), new Framing([1, 3], [2]));
        var ram = driver.Machine.Target.Ram;
        var queue = driver.Requests.Addresses;

        // Five descriptors: 1, 3 and 1 bytes to read, 2 and 1 to write; guards lie around each.
        foreach (var (slot, bytes, flags) in new[] { (0, "ff", 1), (1, "010203", 1), (2, "04", 1), (3, "a5a5", 3), (4, "a5", 2) })
        {
            var descriptor = new byte[16];
            ram.Read(queue.Descriptors + 16u * (uint)slot, descriptor);
            var buffer = new byte[BitConverter.ToUInt32(descriptor, 8)];
            ram.Read(BitConverter.ToUInt64(descriptor, 0), buffer);
            Assert.Equal(bytes, Convert.ToHexStringLower(buffer));
            Assert.Equal(flags, BitConverter.ToUInt16(descriptor, 12));
        }
        Assert.Equal(0, exchange.Chain);
    }

    [Fact]
    public void Queues_can_be_used_before_DRIVER_OK_and_registers_written_in_any_order()
    {
        var slot = new FakeMmioSlot(version: 2);
        var machine = Machine.Discover(slot.Target);
        slot.TakeWrites();
        machine.Transport.Notify(7);
        machine.Transport.EnableQueue(5);
        machine.Transport.WriteQueueSize(0, 0xffff);
        machine.Transport.WriteQueueAddresses(0, new QueueAddresses(1, ulong.MaxValue, 3));
        machine.Transport.WriteStatus((DeviceStatus)0xff);
        machine.Transport.WriteDriverFeatures(ulong.MaxValue);
        Assert.Equal(
        [
            "50 = 7", "30 = 5", "44 = 1", "30 = 0", "38 = ffff", "30 = 0", "80 = 1", "84 = 0", "90 = ffffffff", "94 = ffffffff", "a0 = 3", "a4 = 0", "70 = ff",
            "24 = 0", "20 = ffffffff", "24 = 1", "20 = ffffffff",
        ], slot.TakeWrites());

        var driver = IommuDriver.Prepare(machine, 0, new DriverSettings());
        driver.MakeAvailable(new UnmapRequest(1, 0, 0), Framing.Plain);
        driver.NotifyRequests();
        Assert.Equal("50 = 0", slot.TakeWrites()[^1]);
    }

    [Fact]
    public void Configuration_can_be_read_and_written_at_any_width_and_offset()
    {
        var slot = new FakeMmioSlot(version: 2);
        var transport = Machine.Discover(slot.Target).Transport;
        slot.Target.TakeLog();
        transport.WriteConfig(37, 4, 0x11223344);
        transport.ReadConfig(1000, 8);
        Assert.Equal(["m w4 a000125 = 11223344", "m r8 a0004e8"], slot.Target.TakeLog());
    }

    [Fact]
    public void A_chain_that_was_not_lent_coming_back_is_a_violation_on_either_ring()
    {
        var split = Start(Features.Version1);
        split.MakeAvailable(new DetachRequest(1, 2), Framing.Plain);
        var ram = split.Machine.Target.Ram;
        ram.Write(((SplitQueue)split.Requests).UsedElementAddress(0), [3, 0, 0, 0, 4, 0, 0, 0]);
        ram.Write(split.Requests.Addresses.Device + 2, [1, 0]);
        Assert.Equal("DESC-SPLIT-01", Assert.Throws<DeviceViolationException>(split.Collect).Clause);

        var packed = Start(Features.Version1 | Features.RingPacked);
        packed.MakeAvailable(new DetachRequest(1, 2), Framing.Plain);
        ((PackedQueue)packed.Requests).WriteDescriptor(0, new PackedDescriptor(0, 4, 3, DescriptorFlags.Write | DescriptorFlags.Available | DescriptorFlags.Used));
        Assert.Throws<DeviceViolationException>(packed.Collect);
    }

    private static IommuDriver Start(ulong features)
    {
        var slot = new FakeMmioSlot(version: 2) { Features = features };
        return IommuDriver.Start(Machine.Discover(slot.Target), new DriverSettings { Accept = features });
    }
}
