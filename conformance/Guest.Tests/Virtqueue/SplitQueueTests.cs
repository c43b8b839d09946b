using Viommu.Guest.Driver;
using Viommu.Guest.Tests.Support;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Guest.Tests.Virtqueue;

/// <summary>The memory of a split ring (2.7) as the driver writes it, and what the driver makes of what a device could write.</summary>
public sealed class SplitQueueTests
{
    private readonly FakeRam ram = new();

    [Fact]
    public void The_three_parts_are_aligned_and_apart()
    {
        var queue = Queue(8);
        Assert.Equal(0u, queue.Addresses.Descriptors % 16);
        Assert.Equal(0u, queue.Addresses.Driver % 2);
        Assert.Equal(0u, queue.Addresses.Device % 4);
        Assert.True(queue.Addresses.Driver >= queue.Addresses.Descriptors + 128);
        Assert.True(queue.Addresses.Device >= queue.Addresses.Driver + 22);
        Assert.Equal([128, 22, 70], queue.Areas.Select(area => area.Length));
    }

    [Fact]
    public void On_a_legacy_interface_the_used_ring_begins_at_the_next_boundary_behind_the_available_ring()
    {
        // 16 * 256 + 6 + 2 * 256 is 0x1206: the used ring begins at 0x2000, behind the table at 0 and the available ring at 0x1000.
        var queue = new SplitQueue(ram, new GuestHeap(ram), 0, 256, 0, 4096);
        Assert.Equal(0u, queue.Addresses.Descriptors % 4096);
        Assert.Equal(queue.Addresses.Descriptors + 0x1000, queue.Addresses.Driver);
        Assert.Equal(queue.Addresses.Descriptors + 0x2000, queue.Addresses.Device);
    }

    [Fact]
    public void A_chain_is_linked_descriptors_its_head_in_the_ring_and_the_index_behind_it()
    {
        var queue = Queue(4);
        var chain = queue.Lend([new(0x1122334455667788, 0x24, false), new(0xa000, 0x10, true), new(0xb000, 4, true)]);
        Assert.Equal(0, chain);
        Assert.Equal("88776655 44332211 24000000 01000100", ram.Hex(queue.Addresses.Descriptors, 16));
        Assert.Equal("00a00000 00000000 10000000 03000200", ram.Hex(queue.Addresses.Descriptors + 16, 16));
        Assert.Equal("00b00000 00000000 04000000 02000000", ram.Hex(queue.Addresses.Descriptors + 32, 16));
        Assert.Equal("00000100 00000000 00000000 0000", ram.Hex(queue.Addresses.Driver, 14));
        Assert.Equal(1, queue.Position);
    }

    [Fact]
    public void The_last_elements_can_go_into_an_indirect_table_behind_direct_descriptors()
    {
        var queue = Queue(4);
        queue.Lend([new(0x1000, 8, false), new(0x2000, 12, false), new(0x3000, 4, true)], indirect: 2, table: length =>
        {
            Assert.Equal(2, length);
            return 0x2_0000;
        });
        Assert.Equal("00100000 00000000 08000000 01000100", ram.Hex(queue.Addresses.Descriptors, 16));
        Assert.Equal("00000200 00000000 20000000 04000000", ram.Hex(queue.Addresses.Descriptors + 16, 16));
        Assert.Equal("00200000 00000000 0c000000 01000100 00300000 00000000 04000000 02000000", ram.Hex(0x2_0000, 32));
    }

    [Fact]
    public void Used_elements_are_taken_in_ring_order_and_their_descriptors_are_free_again()
    {
        var queue = Queue(2);
        for (ushort round = 0; round < 5; round++)
        {
            var chain = queue.Lend([new(0x1000, 8, true)]);
            Assert.False(queue.TryTakeUsed(out _));
            Use(queue, round, chain, 8);
            Assert.True(queue.TryTakeUsed(out var element));
            Assert.Equal(new UsedElement(chain, 8), element);
            Assert.False(queue.TryTakeUsed(out _));
        }
        Assert.Equal("00000500", ram.Hex(queue.Addresses.Driver, 4));
    }

    [Fact]
    public void A_queue_without_free_descriptors_says_so()
    {
        var queue = Queue(2);
        queue.Lend([new(0x1000, 8, true)]);
        Assert.Throws<QueueTooSmallException>(() => queue.Lend([new(0x1000, 8, false), new(0x2000, 8, true)]));
    }

    [Fact]
    public void With_IN_ORDER_one_element_returns_the_whole_batch_up_to_it()
    {
        var queue = Queue(8, Features.InOrder);
        ushort[] chains = [queue.Lend([new(0x1000, 8, false), new(0x2000, 4, true)]), queue.Lend([new(0x1000, 8, false), new(0x2000, 20, true)]), queue.Lend([new(0x3000, 4, true)])];
        Assert.Equal([0, 2, 4], chains.Select(chain => (int)chain));

        // One element, at the place of the first, naming the last; the index counts all three.
        ram.Write(queue.UsedElementAddress(0), "04000000 01000000");
        ram.Write(queue.Addresses.Device + 2, "0300");
        var taken = new List<UsedElement>();
        while (queue.TryTakeUsed(out var element)) taken.Add(element);
        Assert.Equal([new(0, 4), new(2, 20), new(4, 1)], taken);

        // The descriptors come back in ring order, and the next element is due at place 3.
        Assert.Equal(5, queue.Lend([new(0x1000, 8, true)]));
        Use(queue, 3, 5, 8);
        Assert.True(queue.TryTakeUsed(out var next));
        Assert.Equal(new UsedElement(5, 8), next);
    }

    [Fact]
    public void With_IN_ORDER_a_batch_that_the_index_does_not_count_is_a_violation()
    {
        var queue = Queue(8, Features.InOrder);
        queue.Lend([new(0x1000, 8, true)]);
        var second = queue.Lend([new(0x1000, 8, true)]);
        Use(queue, 0, second, 8);
        Assert.Equal("CORE-RSVD-D-05", Assert.Throws<DeviceViolationException>(() => queue.TryTakeUsed(out _)).Clause);
    }

    [Fact]
    public void An_element_that_names_nothing_lent_is_handed_out_as_it_is()
    {
        var queue = Queue(4, Features.InOrder);
        queue.Lend([new(0x1000, 8, true)]);
        Use(queue, 0, 3, 99);
        Assert.True(queue.TryTakeUsed(out var element));
        Assert.Equal(new UsedElement(3, 99), element);
    }

    [Fact]
    public void Without_EVENT_IDX_bit_0_of_the_used_flags_decides()
    {
        var queue = Queue(4);
        Assert.True(queue.WantsNotification(0));
        ram.Write(queue.Addresses.Device, "0100");
        Assert.False(queue.WantsNotification(0));
    }

    [Fact]
    public void With_EVENT_IDX_the_device_is_notified_when_its_index_is_passed()
    {
        var queue = Queue(4, Features.EventIdx);
        queue.WriteAvailableIndex(3);

        // avail_event lies behind the used ring: 4 + 8 * 4.
        foreach (var (at, wanted) in new[] { ("0000", false), ("0100", true), ("0200", true), ("0300", false) })
        {
            ram.Write(queue.Addresses.Device + 36, at);
            Assert.Equal(wanted, queue.WantsNotification(1));
        }

        // Flags do not count, and indices wrap at 2^16.
        ram.Write(queue.Addresses.Device, "0100");
        ram.Write(queue.Addresses.Device + 36, "ffff");
        queue.WriteAvailableIndex(1);
        Assert.True(queue.WantsNotification(0xfffe));
        Assert.False(queue.WantsNotification(0));
    }

    [Fact]
    public void Everything_can_be_written_wrong()
    {
        var queue = Queue(4);
        queue.WriteDescriptor(3, new Descriptor(ulong.MaxValue, uint.MaxValue, (DescriptorFlags)0xffff, 0xfffe));
        queue.WriteAvailableEntry(6, 0xabcd);
        queue.WriteAvailableIndex(0x8001);
        queue.WriteAvailableFlags(0xfffe);
        queue.WriteUsedEvent(0x1234);
        Assert.Equal("ffffffff ffffffff ffffffff fffffeff", ram.Hex(queue.Addresses.Descriptors + 48, 16));
        Assert.Equal("feff0180 00000000 cdab0000 3412", ram.Hex(queue.Addresses.Driver, 14));
    }

    private SplitQueue Queue(ushort size, ulong negotiated = 0) => new(ram, new GuestHeap(ram), 0, size, negotiated);

    private void Use(SplitQueue queue, ushort index, uint id, uint length)
    {
        ram.Write(queue.UsedElementAddress(index), Convert.ToHexString([.. BitConverter.GetBytes(id), .. BitConverter.GetBytes(length)]));
        ram.Write(queue.Addresses.Device + 2, Convert.ToHexString(BitConverter.GetBytes((ushort)(index + 1))));
    }
}
