using FsCheck;
using FsCheck.Fluent;
using Viommu.Guest.Driver;
using Viommu.Guest.Tests.Support;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Guest.Tests.Virtqueue;

/// <summary>The memory of a packed ring (2.8) as the driver writes it, and what the driver makes of what a device could write.</summary>
public sealed class PackedQueueTests
{
    private readonly FakeRam ram = new();

    [Fact]
    public void The_ring_and_both_event_structures_are_aligned_and_zero()
    {
        var queue = Queue(5);
        Assert.Equal(0u, queue.Addresses.Descriptors % 16);
        Assert.Equal(0u, queue.Addresses.Driver % 4);
        Assert.Equal(0u, queue.Addresses.Device % 4);
        Assert.Equal([80, 4, 4], queue.Areas.Select(area => area.Length));
        Assert.Equal("00000000", ram.Hex(queue.Addresses.Driver, 4));
        Assert.Equal(0x8000, queue.Position);
    }

    [Fact]
    public void A_list_has_its_id_and_AVAIL_in_all_descriptors()
    {
        var queue = Queue(4);
        queue.Lend([new(0x5000, 1, true)]);
        var chain = queue.Lend([new(0x1122334455667788, 0x24, false), new(0xa000, 0x10, true), new(0xb000, 4, true)]);
        Assert.Equal(1, chain);
        Assert.Equal("00500000 00000000 01000000 00008200", ram.Hex(queue.Addresses.Descriptors, 16));
        Assert.Equal("88776655 44332211 24000000 01008100", ram.Hex(queue.Addresses.Descriptors + 16, 16));
        Assert.Equal("00a00000 00000000 10000000 01008300", ram.Hex(queue.Addresses.Descriptors + 32, 16));
        Assert.Equal("00b00000 00000000 04000000 01008200", ram.Hex(queue.Addresses.Descriptors + 48, 16));

        // The ring is full: the wrap counter has turned.
        Assert.Equal(0x0000, queue.Position);
    }

    [Fact]
    public void Behind_the_end_of_the_ring_AVAIL_and_USED_change_their_parts()
    {
        var queue = Queue(3);
        var first = queue.Lend([new(0x1000, 8, false), new(0x2000, 4, true)]);
        Use(queue, 0, first, 4, wrap: true);
        Assert.True(queue.TryTakeUsed(out _));

        // Entry 2 on the first lap, entry 0 on the second.
        queue.Lend([new(0x3000, 8, false), new(0x4000, 4, true)]);
        Assert.Equal("00300000 00000000 08000000 01008100", ram.Hex(queue.Addresses.Descriptors + 32, 16));
        Assert.Equal("00400000 00000000 04000000 01000280", ram.Hex(queue.Addresses.Descriptors, 16));
        Assert.Equal(0x0001, queue.Position);
        Assert.False(queue.WrapCounter);
    }

    [Fact]
    public void An_indirect_table_holds_no_flag_but_WRITE_and_takes_one_descriptor_of_the_ring()
    {
        var queue = Queue(4);
        queue.Lend([new(0x1000, 8, false), new(0x2000, 12, false), new(0x3000, 4, true)], indirect: 3, table: _ => 0x2_0000);
        Assert.Equal("00000200 00000000 30000000 00008400", ram.Hex(queue.Addresses.Descriptors, 16));
        Assert.Equal(
            "00100000 00000000 08000000 00000000 00200000 00000000 0c000000 00000000 00300000 00000000 04000000 00000200", ram.Hex(0x2_0000, 48));
        Assert.Equal(0x8001, queue.Position);
    }

    [Fact]
    public void A_list_that_is_half_indirect_is_not_made() =>
        Assert.Throws<ArgumentException>(() => Queue(4).Lend([new(0x1000, 8, false), new(0x2000, 12, true)], indirect: 1, table: _ => 0x2_0000));

    [Fact]
    public void The_next_used_descriptor_is_due_behind_the_whole_list_of_the_last()
    {
        var queue = Queue(5);
        var first = queue.Lend([new(0x1000, 8, false), new(0x2000, 4, true), new(0x3000, 4, true)]);
        var second = queue.Lend([new(0x1000, 8, false), new(0x2000, 4, true)]);

        // Out of order: the second list is used first, in the place where the first one begins.
        Use(queue, 0, second, 2, wrap: true);
        Assert.True(queue.TryTakeUsed(out var element));
        Assert.Equal(new UsedElement(second, 2), element);
        Assert.False(queue.TryTakeUsed(out _));
        Use(queue, 2, first, 8, wrap: true);
        Assert.True(queue.TryTakeUsed(out element));
        Assert.Equal(new UsedElement(first, 8), element);

        // Both laps are over: entry 0 is used on the second lap with both flags clear.
        var third = queue.Lend([new(0x1000, 8, true)]);
        Assert.False(queue.TryTakeUsed(out _));
        Use(queue, 0, third, 8, wrap: false);
        Assert.True(queue.TryTakeUsed(out element));
        Assert.Equal(new UsedElement(third, 8), element);
    }

    [Fact]
    public void Without_the_WRITE_flag_a_used_length_counts_nothing()
    {
        var queue = Queue(4);
        queue.Lend([new(0x1000, 8, false)]);
        ram.Write(queue.Addresses.Descriptors, "00000000 00000000 63000000 00008080");
        Assert.True(queue.TryTakeUsed(out var element));
        Assert.Equal(new UsedElement(0, 0), element);
    }

    [Fact]
    public void With_IN_ORDER_one_descriptor_returns_the_whole_batch_up_to_it()
    {
        var queue = Queue(7, Features.InOrder);
        queue.Lend([new(0x1000, 8, false), new(0x2000, 4, true)]);
        queue.Lend([new(0x1000, 8, false), new(0x2000, 20, true)]);
        var third = queue.Lend([new(0x3000, 4, true)]);
        Use(queue, 0, third, 1, wrap: true);
        var taken = new List<UsedElement>();
        while (queue.TryTakeUsed(out var element)) taken.Add(element);
        Assert.Equal([new(0, 4), new(1, 20), new(2, 1)], taken);

        // Five descriptors on: the next is due at entry 5.
        var fourth = queue.Lend([new(0x3000, 4, true)]);
        Use(queue, 5, fourth, 4, wrap: true);
        Assert.True(queue.TryTakeUsed(out var next));
        Assert.Equal(new UsedElement(fourth, 4), next);
    }

    [Theory]
    [InlineData("0000", "0000", true)] // RING_EVENT_FLAGS_ENABLE
    [InlineData("0000", "0100", false)] // RING_EVENT_FLAGS_DISABLE
    [InlineData("0280", "0200", true)] // RING_EVENT_FLAGS_DESC: the first descriptor made available
    [InlineData("0380", "0200", true)] // the last one of the lap
    [InlineData("0000", "0200", true)] // entry 0 on the next lap
    [InlineData("0080", "0200", false)] // entry 0 on this lap: long passed
    [InlineData("0180", "0200", false)] // the one before
    [InlineData("0100", "0200", false)] // the next one to come
    [InlineData("0780", "0200", true)] // outside the ring
    [InlineData("0000", "0300", true)] // reserved
    public void With_EVENT_IDX_the_devices_event_structure_decides(string descriptor, string flags, bool wanted)
    {
        var queue = Queue(4, Features.EventIdx);
        queue.Advance(2);
        var since = queue.Position;
        queue.Advance(3);
        ram.Write(queue.Addresses.Device, descriptor + flags);
        Assert.Equal(wanted, queue.WantsNotification(since));
    }

    [Fact]
    public void Without_EVENT_IDX_a_descriptor_event_suppresses_nothing()
    {
        var queue = Queue(4);
        ram.Write(queue.Addresses.Device, "01800200");
        Assert.True(queue.WantsNotification(queue.Position));
    }

    [Fact]
    public void A_full_ring_says_so()
    {
        var queue = Queue(2);
        queue.Lend([new(0x1000, 8, false), new(0x2000, 4, true)]);
        Assert.Throws<QueueTooSmallException>(() => queue.Lend([new(0x1000, 8, true)]));
    }

    [Fact]
    public void Everything_can_be_written_wrong()
    {
        var queue = Queue(2);
        queue.WriteDescriptor(1, new PackedDescriptor(ulong.MaxValue, uint.MaxValue, 0xfffe, (DescriptorFlags)0x1234));
        queue.WriteDriverEvent(0xabcd, 0xfff3);
        Assert.Equal("ffffffff ffffffff ffffffff feff3412", ram.Hex(queue.Addresses.Descriptors + 16, 16));
        Assert.Equal("cdabf3ff", ram.Hex(queue.Addresses.Driver, 4));

        // Raw lists may be longer than the ring, and have every flag but the two that make them available.
        queue.MakeAvailable(new PackedDescriptor(0x1000, 1, 7, DescriptorFlags.Next), new PackedDescriptor(0x2000, 2, 8, (DescriptorFlags)0xffff), new PackedDescriptor(0x3000, 3, 9, DescriptorFlags.None));
        Assert.Equal("00100000 00000000 01000000 07008100", ram.Hex(queue.Addresses.Descriptors, 16));
        Assert.Equal("00200000 00000000 02000000 0800ff7f", ram.Hex(queue.Addresses.Descriptors + 16, 16));
        Assert.Equal(0x0001, queue.Position);
    }

    [Fact]
    public void Chains_of_any_length_come_back_in_any_order_on_rings_of_any_size() =>
        Prop.ForAll(
            Gen.Choose(1, 33).Zip(Gen.Choose(0, int.MaxValue)).ToArbitrary(),
            pair => ComesBack((ushort)pair.Item1, new System.Random(pair.Item2))).QuickCheckThrowOnFailure();

    /// <summary>A device in three lines: it uses lent chains at random, in the next place, and skips as many descriptors as the chain had.</summary>
    private bool ComesBack(ushort size, System.Random random)
    {
        var queue = Queue(size);
        var lent = new List<(ushort Id, int Length)>();
        var (place, wrap, free) = (0, true, (int)size);
        for (var step = 0; step < 200; step++)
        {
            var length = random.Next(1, 5);
            if (length <= free && random.Next(2) == 0)
            {
                lent.Add((queue.Lend([.. Enumerable.Repeat(new BufferElement(0x1000, 4, true), length)]), length));
                free -= length;
            }
            else if (lent.Count > 0)
            {
                var used = lent[random.Next(lent.Count)];
                lent.Remove(used);
                Use(queue, place, used.Id, (uint)step, wrap);
                place += used.Length;
                if (place >= size) (place, wrap) = (place - size, !wrap);
                free += used.Length;
                if (!queue.TryTakeUsed(out var element) || element != new UsedElement(used.Id, (uint)step)) return false;
            }
            if (queue.TryTakeUsed(out _)) return false;
        }
        return true;
    }

    private PackedQueue Queue(ushort size, ulong negotiated = 0) => new(ram, new GuestHeap(ram), 0, size, negotiated);

    private void Use(PackedQueue queue, int slot, ushort id, uint length, bool wrap) =>
        queue.WriteDescriptor(slot, new PackedDescriptor(0, length, id, DescriptorFlags.Write | (wrap ? DescriptorFlags.Available | DescriptorFlags.Used : 0)));
}
