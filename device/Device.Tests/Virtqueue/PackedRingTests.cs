using Viommu.Device.Tests.Support;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Virtqueue;

/// <summary>Section 2.8: descriptors, wrap counters, sizes.</summary>
public class PackedRingTests
{
    private static readonly byte[] Attach = Bytes.Attach(1, Machine.Endpoint);

    private readonly Machine _machine = Machine.WithPackedRings();

    [Fact]
    public void A_list_of_two_is_used_by_one_descriptor_in_the_place_of_its_first()
    {
        var ring = _machine.StartPacked().Requests;
        ring.Fill(Attach);
        byte[] list =
        [
            // addr, len, id, flags: NEXT and AVAIL, not USED
            0x00, 0x18, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 0xad, 0xde, 0x81, 0x00,
            // WRITE and AVAIL, not USED
            0x00, 0x1a, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0x34, 0x12, 0x82, 0x00,
        ];
        _machine.Memory.Write(new(0x1000), list);
        ring.Notify();
        // len 4, id of the last of the list, flags: WRITE, AVAIL and USED
        Assert.Equal([.. list[..8], 4, 0, 0, 0, 0x34, 0x12, 0x82, 0x80], ring.DescriptorAt(0));
        Assert.Equal(list[16..], ring.DescriptorAt(1));
        Assert.Equal(new byte[16], ring.DescriptorAt(2));
        Assert.Equal([0, 0, 0, 0, Ring.Poison], ring.ReplyBytes(5));
    }

    [Fact]
    public void In_the_second_round_AVAIL_and_USED_have_changed_places()
    {
        var ring = _machine.StartPacked(size: 2).Requests;
        Assert.Equal(Bytes.Ok, ring.Send(Attach, id: 1));
        ring.Fill(Attach);
        _machine.Memory.Write(
            new(0x1000),
            0x00, 0x18, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0x01, 0x80,
            0x00, 0x1a, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0x02, 0x80);
        ring.Notify();
        Assert.Equal([0x00, 0x18, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0x02, 0x00], ring.DescriptorAt(0));
    }

    [Theory]
    [InlineData(0x0000)]
    [InlineData(0x8080)]
    [InlineData(0x8000)]
    public void A_descriptor_without_this_rounds_AVAIL_or_with_its_USED_is_left_alone(ushort flags)
    {
        var ring = _machine.StartPacked().Requests;
        ring.Fill(Attach);
        ring.Describe(0, ring.Request, 20, 1, flags);
        byte[] before = ring.DescriptorAt(0);
        ring.Notify();
        Assert.Equal(before, ring.DescriptorAt(0));
        Assert.Equal(0xf, _machine.Status);
    }

    [Fact]
    public void Nothing_written_leaves_WRITE_clear()
    {
        var ring = _machine.StartPacked().Requests;
        ring.Fill([0x77, .. new byte[19]]);
        int slot = ring.OfferRequest(9, 20);
        ring.Notify();
        Assert.Equal(((ushort)9, 0u, PackedRing.UsedFlags(true)), ring.UsedAt(slot));
        Assert.Equal([Ring.Poison], ring.ReplyBytes(1));
    }

    [Theory]
    [InlineData((ushort)2)]
    [InlineData((ushort)3)]
    [InlineData((ushort)7)]
    [InlineData((ushort)15)]
    [InlineData((ushort)16)]
    public void A_ring_of_any_size_wraps_over_2_to_the_16(ushort size)
    {
        var ring = _machine.StartPacked(size: size).Requests;
        ring.Fill(Attach);
        ring.Describe(0, ring.Request, 20, 0, 0, ring.IndirectTable);
        ring.Describe(1, ring.Reply, 4, 0, Ring.Writable, ring.IndirectTable);
        for (int i = 0; i < 0x10000 + 20; i++)
        {
            bool wrap = ring.Wrap;
            int slot = i % 3 == 0
                ? ring.Offer((ushort)i, new Element(ring.IndirectTable, 32, Ring.Indirect))
                : ring.OfferRequest((ushort)i, 20);
            ring.Notify();
            Assert.Equal(((ushort)i, 4u, PackedRing.UsedFlags(wrap, Ring.Writable)), ring.UsedAt(slot));
        }

        Assert.Equal(0, ring.ReplyBytes(1)[0]);
        Assert.Equal(0xf, _machine.Status);
    }

    [Fact]
    public void A_ring_of_one_descriptor_holds_buffers_of_one_element()
    {
        var ring = _machine.StartPacked(size: 1).Requests;
        for (int i = 0; i < 5; i++)
        {
            bool wrap = ring.Wrap;
            ring.Offer((ushort)i, new Element(ring.Request, 20));
            ring.Notify();
            Assert.Equal(((ushort)i, 0u, PackedRing.UsedFlags(wrap)), ring.UsedAt(0));
        }
    }

    [Fact]
    public void The_largest_ring_works_in_both_rounds()
    {
        var machine = new Machine(
            options => options with { RequestQueueSize = 0x8000 },
            new() { Features = VirtioFeatures.Default | VirtioFeatures.RingPacked },
            memorySize: 0x108000);
        machine.Negotiate();
        var ring = machine.SetUpPackedQueue(0, 0x8000, 0x80000, besides: 0x1000);
        machine.Status = 0xf;
        ring.Fill(Attach);
        for (int i = 0; i < 0x8000 + 5; i++)
        {
            bool wrap = ring.Wrap;
            int slot = ring.OfferRequest((ushort)i, 20);
            ring.Notify();
            Assert.Equal(((ushort)i, 4u, PackedRing.UsedFlags(wrap, Ring.Writable)), ring.UsedAt(slot));
        }
    }

    [Theory]
    [InlineData((ushort)5, (ushort)5)]
    [InlineData((ushort)16, (ushort)16)]
    [InlineData((ushort)0, (ushort)16)]
    [InlineData((ushort)17, (ushort)16)]
    public void The_queue_size_needs_no_power_of_two_where_the_ring_is_packed(ushort written, ushort size)
    {
        _machine.Negotiate();
        _machine.SetCommon(0x16, 2, 0);
        _machine.SetCommon(0x18, 2, written);
        Assert.Equal(size, _machine.Common(0x18, 2));
        _machine.Negotiate(without: VirtioFeatures.RingPacked);
        _machine.SetCommon(0x18, 2, 5);
        Assert.Equal(16u, _machine.Common(0x18, 2));
    }

    [Fact]
    public void A_driver_that_declines_packed_rings_has_split_ones()
    {
        var ring = _machine.Start(without: VirtioFeatures.RingPacked).Requests;
        Assert.Equal(Bytes.Ok, ring.Send(Attach));
    }

    [Fact]
    public void A_batch_is_used_descriptor_by_descriptor_in_the_places_of_the_lists()
    {
        var ring = _machine.StartPacked(size: 5).Requests;
        ring.Fill(Attach);
        ring.Describe(0, ring.Request, 20, 0, 0, ring.IndirectTable);
        ring.Describe(1, ring.Reply, 4, 0, Ring.Writable, ring.IndirectTable);
        ring.OfferRequest(30, 20);
        ring.Offer(10, new Element(ring.IndirectTable, 32, Ring.Indirect));
        ring.OfferRequest(20, 20);
        ring.Notify();
        var used = PackedRing.UsedFlags(true, Ring.Writable);
        Assert.Equal(((ushort)30, 4u, used), ring.UsedAt(0));
        Assert.Equal(((ushort)10, 4u, used), ring.UsedAt(2));
        Assert.Equal(((ushort)20, 4u, used), ring.UsedAt(3));
    }

    [Fact]
    public void The_driver_sees_a_batch_once_all_of_it_is_used()
    {
        var ring = _machine.StartPacked().Requests;
        ring.Fill(Attach);
        ring.OfferRequest(1, 20);
        int second = ring.OfferRequest(2, 20);
        var order = new List<ulong>();
        _machine.DeviceView.CanWrite = address =>
        {
            if (address < ring.DriverEvent && address >= ring.Descriptors) order.Add(address);
            return true;
        };
        ring.Notify();
        Assert.Equal([ring.Descriptors + (16 * (ulong)second) + 8, ring.Descriptors + 8], order);
    }

    [Fact]
    public void Of_descriptors_in_a_table_only_WRITE_counts()
    {
        var ring = _machine.StartPacked().Requests;
        ring.Fill(Attach);
        ring.Describe(0, ring.Request, 9, 0xffff, 0xffff & ~Ring.Writable, ring.IndirectTable);
        ring.Describe(1, ring.Request + 9, 11, 0, 0, ring.IndirectTable);
        ring.Describe(2, ring.Reply, 1, 0xffff, 0xffff, ring.IndirectTable);
        ring.Describe(3, ring.Reply + 1, 8, 0xffff, Ring.Writable, ring.IndirectTable);
        int slot = ring.Offer(3, new Element(ring.IndirectTable, 64, Ring.Indirect | Ring.Writable));
        ring.Notify();
        Assert.Equal(((ushort)3, 4u, PackedRing.UsedFlags(true, Ring.Writable)), ring.UsedAt(slot));
        Assert.Equal([0, 0, 0, 0, Ring.Poison], ring.ReplyBytes(5));
    }

    [Fact]
    public void A_list_as_long_as_the_ring_is_fine_wherever_it_starts()
    {
        var ring = _machine.StartPacked(size: 5).Requests;
        ring.Send(Attach);
        ring.Fill(Attach);
        int slot = ring.Offer(
            6,
            new(ring.Request, 1),
            new(ring.Request + 1, 0),
            new(ring.Request + 1, 19),
            new(ring.Reply, 1, Ring.Writable),
            new(ring.Reply + 2, 3, Ring.Writable));
        ring.Notify();
        Assert.Equal((2, ((ushort)6, 4u, PackedRing.UsedFlags(true, Ring.Writable))), (slot, ring.UsedAt(slot)));
        Assert.Equal([0, Ring.Poison, 0, 0, 0, Ring.Poison], ring.ReplyBytes(6));
        Assert.Equal(Bytes.Ok, ring.Send(Attach));
    }

    [Fact]
    public void A_queue_reset_starts_the_ring_again_with_another_size_and_the_wrap_counter_1()
    {
        var ring = _machine.StartPacked(size: 3).Requests;
        for (int i = 0; i < 2; i++) Assert.Equal(Bytes.Ok, ring.Send(Attach));
        Assert.False(ring.Wrap);
        _machine.SetCommon(0x16, 2, 0);
        _machine.SetCommon(0x3a, 2, 1);
        Assert.Equal((0u, 16u), (_machine.Common(0x1c, 2), _machine.Common(0x18, 2)));
        ring = _machine.SetUpPackedQueue(0, 7, 0x5000);
        for (int i = 0; i < 20; i++) Assert.Equal(Bytes.Ok, ring.Send(Attach));
    }

    [Fact]
    public void Suspension_keeps_the_place_in_the_ring()
    {
        var ring = _machine.StartPacked(size: 3).Requests;
        ring.Send(Attach);
        _machine.Status = 0x1f;
        Assert.Equal(0x1b, _machine.Status);
        ring.Fill(Attach);
        int slot = ring.OfferRequest(8, 20);
        ring.Notify();
        Assert.Equal(20u, ring.UsedAt(slot).Length);
        _machine.Status = 0x1f;
        Assert.Equal(0xf, _machine.Status);
        Assert.Equal((8, 4u), (ring.UsedAt(slot).Id, ring.UsedAt(slot).Length));
        Assert.Equal(Bytes.Ok, ring.Send(Attach));
    }

    [Fact]
    public void A_fault_report_uses_one_event_buffer()
    {
        var (requests, events) = _machine.StartPacked();
        requests.Send(Attach);
        events.Fill([]);
        int small = events.Offer(4, new Element(events.Reply, 23, Ring.Writable));
        int slot = events.Offer(5, new Element(events.Reply, 32, Ring.Writable));
        events.Notify();
        _machine.Device.Read(Machine.Endpoint, new(0xabc), new byte[4]);
        Assert.Equal(((ushort)4, 0u, PackedRing.UsedFlags(true)), events.UsedAt(small));
        _machine.Device.Read(Machine.Endpoint, new(0xabc), new byte[4]);
        Assert.Equal(((ushort)5, 24u, PackedRing.UsedFlags(true, Ring.Writable)), events.UsedAt(slot));
        Assert.Equal([2, 0, 0, 0, 1, 1, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0xbc, 0x0a, 0, 0, 0, 0, 0, 0, Ring.Poison], events.ReplyBytes(25));
        _machine.Device.Read(Machine.Endpoint, new(0xabc), new byte[4]);
        Assert.Equal(0xf, _machine.Status);
    }

    [Theory]
    [InlineData(VirtioFeatures.AccessPlatform)]
    [InlineData(VirtioFeatures.OrderPlatform)]
    public void The_platform_bits_change_nothing_accepted_or_declined(VirtioFeatures bit)
    {
        var machine = Machine.WithPackedRings(bit);
        Assert.NotEqual(0ul, machine.OfferedFeatures() & (ulong)bit);
        Assert.Equal(Bytes.Ok, machine.StartPacked().Requests.Send(Attach));
        Assert.Equal(Bytes.Ok, machine.StartPacked(without: bit).Requests.Send(Attach));
    }

    [Fact]
    public void Serving_requests_allocates_nothing()
    {
        const int rounds = 200;
        var ring = _machine.StartPacked(size: 2).Requests;
        ring.Send(Attach);
        byte[][] requests = [Bytes.Map(1, 0, 0xfff, 0), Bytes.Unmap(1, 0, 0xfff)];
        ring.OfferRequest(1, 36);
        byte[] second = _machine.Memory.Read(new(ring.Descriptors), 32);
        ring.Notify();
        ring.OfferRequest(1, 36);
        byte[] first = _machine.Memory.Read(new(ring.Descriptors), 32);
        ring.Notify();
        byte[][] lists = [second, first];
        Serve(2);
        Assert.Equal(0, Allocations.Least(() => Serve(rounds)));
        Assert.Equal((1, 4u), (ring.UsedAt(0).Id, ring.UsedAt(0).Length));
        Assert.Equal([0, 0, 0, 0], ring.ReplyBytes(4));

        void Serve(int count)
        {
            for (int i = 0; i < count; i++)
            {
                _machine.Memory.TryWrite(new(ring.Request), requests[i % 2]);
                _machine.Memory.TryWrite(new(ring.Descriptors), lists[i % 2]);
                _machine.Function.TryMmioWrite(Machine.Doorbell, 2, 0);
            }
        }
    }
}
