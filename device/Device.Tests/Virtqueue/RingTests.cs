using Viommu.Device.Tests.Support;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Virtqueue;

/// <summary>Sections 2.7.6 to 2.7.10: indices and notifications.</summary>
public class RingTests
{
    private readonly Machine _machine = new();

    [Fact]
    public void Indices_wrap_at_2_to_the_16()
    {
        var ring = _machine.Start().Requests;
        for (int i = 0; i < 0x10000 + 20; i++) Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, Machine.Endpoint)));
        Assert.Equal(20, ring.UsedIndex);
    }

    [Fact]
    public void A_batch_is_used_in_the_order_in_which_it_was_made_available()
    {
        var ring = _machine.Start().Requests;
        ring.Fill(Bytes.Attach(1, Machine.Endpoint));
        ushort[] heads = [4, 2, 8];
        foreach (ushort head in heads)
        {
            ring.Describe(head, ring.Request, 20, Ring.Next, (ushort)(head + 1));
            ring.Describe(head + 1, ring.Reply + head, 4, Ring.Writable);
            ring.Offer(head);
        }

        ring.Notify();
        Assert.Equal(3, ring.UsedIndex);
        for (ushort i = 0; i < 3; i++) Assert.Equal(((uint)heads[i], 4u), ring.UsedElement(i));
    }

    [Fact]
    public void A_notification_with_nothing_to_do_does_nothing()
    {
        var (requests, events) = _machine.Start();
        requests.Notify();
        events.Notify();
        _machine.Write(Machine.Doorbell + 8, 2, 2);
        _machine.Write(Machine.Doorbell, 4, 0);
        Assert.Equal(0, requests.UsedIndex);
        Assert.Equal(0xf, _machine.Status);
        Assert.False(_machine.Function.IsIntxAsserted);
    }

    [Theory]
    [InlineData((ushort)0, true)]
    [InlineData((ushort)1, false)]
    public void Without_EVENT_IDX_the_available_flags_decide(ushort flags, bool notified)
    {
        var ring = _machine.Start(without: VirtioFeatures.EventIndex).Requests;
        ring.AvailableFlags = flags;
        ring.UsedEvent = 0x1234;
        ring.Send(Bytes.Attach(1, Machine.Endpoint));
        Assert.Equal(notified, _machine.Function.IsIntxAsserted);
    }

    [Theory]
    [InlineData((ushort)0, true)]
    [InlineData((ushort)1, false)]
    [InlineData((ushort)0xffff, false)]
    public void With_EVENT_IDX_used_event_decides_and_the_flags_do_not(ushort usedEvent, bool notified)
    {
        var ring = _machine.Start().Requests;
        ring.AvailableFlags = (ushort)(notified ? 1 : 0);
        ring.UsedEvent = usedEvent;
        ring.Send(Bytes.Attach(1, Machine.Endpoint));
        Assert.Equal(notified, _machine.Function.IsIntxAsserted);
    }

    [Fact]
    public void With_EVENT_IDX_a_batch_notifies_if_any_of_its_entries_was_awaited()
    {
        var ring = _machine.Start().Requests;
        ring.UsedEvent = 1;
        ring.Send(Bytes.Attach(1, Machine.Endpoint));
        Assert.False(_machine.Function.IsIntxAsserted);
        ring.Offer(0);
        ring.Offer(0);
        ring.Notify();
        Assert.True(_machine.Function.IsIntxAsserted);
        Assert.Equal(1ul, _machine.Read(Machine.Isr, 1));
        ring.Send(Bytes.Attach(1, Machine.Endpoint));
        Assert.False(_machine.Function.IsIntxAsserted);
    }

    [Fact]
    public void With_EVENT_IDX_the_device_asks_for_the_next_notification()
    {
        var ring = _machine.Start().Requests;
        for (ushort i = 1; i <= 3; i++)
        {
            ring.Send(Bytes.Attach(1, Machine.Endpoint));
            Assert.Equal(i, ring.AvailEvent);
        }
    }

    [Fact]
    public void Without_EVENT_IDX_avail_event_is_never_written_and_the_used_flags_are_zero()
    {
        var ring = _machine.Start(without: VirtioFeatures.EventIndex).Requests;
        _machine.Memory.Write(new(ring.Used + 4 + (8 * 16)), 0xcc, 0xcc);
        ring.Send(Bytes.Attach(1, Machine.Endpoint));
        Assert.Equal(0xcccc, ring.AvailEvent);
        Assert.Equal([0, 0], _machine.Memory.Read(new(ring.Used), 2));
    }

    [Fact]
    public void In_order_is_honoured_where_it_is_offered()
    {
        var machine = new Machine(pci: new() { Features = VirtioFeatures.Default | VirtioFeatures.InOrder });
        var ring = machine.Start().Requests;
        Assert.NotEqual(0ul, machine.OfferedFeatures() & (1ul << 35));
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, Machine.Endpoint)));
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, Machine.Endpoint)));
    }

    [Fact]
    public void Notification_data_makes_the_doorbell_four_bytes_wide()
    {
        var machine = new Machine(pci: new() { Features = VirtioFeatures.Default | VirtioFeatures.NotificationData });
        var ring = machine.Start().Requests;
        ring.Fill(Bytes.Attach(1, Machine.Endpoint));
        ring.Describe(0, ring.Request, 20, Ring.Next, 1);
        ring.Describe(1, ring.Reply, 4, Ring.Writable);
        ring.OfferAndNotify();
        Assert.Equal(0, ring.UsedIndex);
        machine.Write(Machine.Doorbell, 4, 0x0001_0000);
        Assert.Equal(1, ring.UsedIndex);
    }

    [Fact]
    public void Serving_requests_allocates_nothing()
    {
        const int rounds = 200;
        var ring = _machine.Start().Requests;
        ring.Send(Bytes.Attach(1, Machine.Endpoint));
        ring.Describe(0, ring.Request, 36, Ring.Next, 1);
        // Every entry of the available ring is 0, so moving the index offers the same buffers again: MAP and UNMAP in turns.
        byte[][] requests = [Bytes.Map(1, 0, 0xfff, 0), Bytes.Unmap(1, 0, 0xfff)];
        byte[][] indices = [.. Enumerable.Range(2, rounds).Select(index => Bytes.Le16((ushort)index))];
        Serve(0, 2);
        int served = 2;
        Assert.Equal(0, Allocations.Least(() => Serve(served, served += (rounds - 2) / 5)));
        Serve(served, rounds);
        Assert.Equal(rounds + 1, ring.UsedIndex);
        Assert.Equal([0, 0, 0, 0], ring.ReplyBytes(4));

        void Serve(int from, int to)
        {
            for (int i = from; i < to; i++)
            {
                _machine.Memory.TryWrite(new(ring.Request), requests[i % 2]);
                _machine.Memory.TryWrite(new(ring.Available + 2), indices[i]);
                _machine.Function.TryMmioWrite(Machine.Doorbell, 2, 0);
            }
        }
    }

    [Fact]
    public void A_fault_report_uses_one_event_buffer_and_interrupts()
    {
        var (requests, events) = _machine.Start();
        requests.Send(Bytes.Attach(1, Machine.Endpoint));
        _machine.Read(Machine.Isr, 1);
        events.Fill([]);
        events.Describe(5, events.Reply, 32, Ring.Writable);
        events.OfferAndNotify(5);
        Assert.Equal(0, events.UsedIndex);

        _machine.Device.Read(Machine.Endpoint, new(0xabc), new byte[4]);
        Assert.Equal(1, events.UsedIndex);
        Assert.Equal((5u, 24u), events.UsedElement(0));
        Assert.Equal(
            [2, 0, 0, 0, 1, 1, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0xbc, 0x0a, 0, 0, 0, 0, 0, 0, Ring.Poison],
            events.ReplyBytes(25));
        Assert.Equal(1ul, _machine.Read(Machine.Isr, 1));

        // No buffer left: the next report is dropped.
        _machine.Device.Read(Machine.Endpoint, new(0xabc), new byte[4]);
        Assert.Equal(1, events.UsedIndex);
        Assert.Equal(0xf, _machine.Status);
    }

    [Fact]
    public void A_buffer_too_small_for_the_report_is_used_unwritten_and_the_next_one_is_left_alone()
    {
        var (requests, events) = _machine.Start();
        requests.Send(Bytes.Attach(1, Machine.Endpoint));
        events.Fill([]);
        events.Describe(0, events.Reply, 23, Ring.Writable);
        events.Describe(1, events.Reply, 24, Ring.Writable);
        events.Offer(0);
        events.Offer(1);
        _machine.Device.Read(Machine.Endpoint, new(0xabc), new byte[4]);
        Assert.Equal(1, events.UsedIndex);
        Assert.Equal((0u, 0u), events.UsedElement(0));
        Assert.Equal([Ring.Poison], events.ReplyBytes(1));
    }
}
