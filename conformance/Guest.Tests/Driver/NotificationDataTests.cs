using Viommu.Guest.Driver;
using Viommu.Guest.Tests.Support;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Guest.Tests.Driver;

/// <summary>What a driver writes to a doorbell (2.9), typed by hand: the queue's number below, next_off and next_wrap above.</summary>
public sealed class NotificationDataTests
{
    [Fact]
    public void Without_the_feature_it_is_the_queues_number_alone()
    {
        var (slot, driver) = Start(Features.Version1);
        driver.MakeAvailable(new DetachRequest(1, 2), Framing.Plain);
        driver.NotifyRequests();
        Assert.Equal(["50 = 0"], slot.TakeWrites());
    }

    [Fact]
    public void On_a_split_ring_it_carries_the_available_index()
    {
        var (slot, driver) = Start(Features.Version1 | Features.NotificationData);
        driver.MakeAvailable(new DetachRequest(1, 2), Framing.Plain);
        driver.NotifyRequests();
        ((SplitQueue)driver.Requests).WriteAvailableIndex(0x9234);
        driver.NotifyRequests();
        driver.Notify(driver.Events);
        Assert.Equal(["50 = 10000", "50 = 92340000", "50 = 1"], slot.TakeWrites());
    }

    [Fact]
    public void On_a_packed_ring_it_carries_the_next_entry_and_the_wrap_counter()
    {
        var (slot, driver) = Start(Features.Version1 | Features.NotificationData | Features.RingPacked);
        driver.NotifyRequests();
        driver.MakeAvailable(new DetachRequest(1, 2), Framing.Plain);
        driver.NotifyRequests();
        ((PackedQueue)driver.Requests).Advance(7);
        driver.NotifyRequests();
        driver.Notify(driver.Events);
        Assert.Equal(["50 = 80000000", "50 = 80020000", "50 = 10000", "50 = 80000001"], slot.TakeWrites());
    }

    private static (FakeMmioSlot Slot, IommuDriver Driver) Start(ulong features)
    {
        var slot = new FakeMmioSlot(version: 2) { Features = features, QueueSizeMax = 8 };
        var driver = IommuDriver.Start(Machine.Discover(slot.Target), new DriverSettings { Accept = features });
        slot.TakeWrites();
        return (slot, driver);
    }
}
