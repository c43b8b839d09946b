using Viommu.Device.Tests.Support;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Transport;

/// <summary>Section 4.2: what the registers of version 2 do.</summary>
public class MmioTests
{
    private readonly MmioMachine _machine = new();

    [Fact]
    public void A_device_set_up_by_the_book_answers()
    {
        var ring = _machine.Start().Requests;
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, MmioMachine.Endpoint)));
    }

    [Fact]
    public void The_interrupt_is_asserted_until_all_its_events_are_acknowledged()
    {
        var ring = _machine.Start().Requests;
        ring.Send(Bytes.Attach(1, MmioMachine.Endpoint));
        Assert.True(_machine.Mmio.InterruptAsserted);
        Assert.Equal(1u, _machine[0x060]);
        ring.AvailableIndex += 0x4000;
        ring.Notify();
        Assert.Equal(0x4fu, _machine.Status);
        Assert.Equal(3u, _machine[0x060]);

        _machine[0x064] = 0xffff_fffe;
        Assert.Equal(1u, _machine[0x060]);
        Assert.True(_machine.Mmio.InterruptAsserted);
        _machine[0x064] = 1;
        Assert.Equal(0u, _machine[0x060]);
        Assert.False(_machine.Mmio.InterruptAsserted);
    }

    [Fact]
    public void Reset_clears_events_ready_bits_and_selectors()
    {
        var ring = _machine.Start().Requests;
        ring.Send(Bytes.Attach(1, MmioMachine.Endpoint));
        _machine[0x030] = 1;
        _machine.Status = 0;
        Assert.Equal(0u, _machine[0x060]);
        Assert.False(_machine.Mmio.InterruptAsserted);
        Assert.Equal(16u, _machine[0x034]);
        for (uint queue = 0; queue < 2; queue++)
        {
            _machine[0x030] = queue;
            Assert.Equal(0u, _machine[0x044]);
        }
    }

    [Fact]
    public void A_status_whose_low_byte_alone_is_zero_is_no_reset()
    {
        _machine.Status = 3;
        _machine.Status = 0x100;
        Assert.Equal(3u, _machine.Status);
    }

    [Fact]
    public void System_reset_leaves_nothing()
    {
        _machine.Start().Requests.Send(Bytes.Attach(1, MmioMachine.Endpoint));
        _machine.WriteConfig(36, 1, 0);
        _machine.Mmio.SystemReset();
        Assert.Equal(0u, _machine.Status);
        Assert.Equal(0u, _machine[0x060]);
        Assert.Equal(1ul, _machine.ReadConfig(36, 1));
        Assert.Equal(Bytes.Ok, _machine.Start().Requests.Send(Bytes.Attach(1, MmioMachine.Endpoint)));
    }

    [Theory]
    [InlineData(2u)]
    [InlineData(0x10000u)]
    [InlineData(0x8000_0000u)]
    [InlineData(uint.MaxValue)]
    public void A_queue_that_does_not_exist_is_not_available(uint queue)
    {
        _machine.Start();
        _machine[0x030] = queue;
        foreach (int register in new[] { 0x038, 0x044, 0x080, 0x084, 0x090, 0x094, 0x0a0, 0x0a4, 0x0c0 }) _machine[register] = 1;
        Assert.Equal(0u, _machine[0x034]);
        Assert.Equal(0u, _machine[0x044]);
        _machine[0x050] = queue;
        Assert.Equal(0xfu, _machine.Status);
    }

    [Theory]
    [InlineData(17u)]
    [InlineData(3u)]
    [InlineData(0u)]
    [InlineData(0x10004u)]
    public void A_size_that_no_queue_can_have_is_not_taken_over(uint size)
    {
        _machine.Negotiate();
        _machine[0x030] = 0;
        _machine[0x038] = size;
        // The size cannot be read back: the ring below has 16 entries, which shows at the seventeenth request.
        var ring = new Ring(_machine, 0, 16, 0x1000);
        _machine[0x080] = (uint)ring.Descriptors;
        _machine[0x090] = (uint)ring.Available;
        _machine[0x0a0] = (uint)ring.Used;
        _machine[0x044] = 1;
        _machine.Status = 0xf;
        for (int i = 0; i < 20; i++) ring.Send(Bytes.Attach(1, MmioMachine.Endpoint));
    }

    [Fact]
    public void Nothing_is_touched_while_QueueReady_is_0_and_a_stopped_queue_starts_over()
    {
        var ring = _machine.Start().Requests;
        ring.Send(Bytes.Attach(1, MmioMachine.Endpoint));
        _machine[0x030] = 0;
        _machine[0x044] = 0;
        Assert.Equal(0u, _machine[0x044]);
        ring.OfferAndNotify();
        Assert.Equal(1, ring.UsedIndex);

        var again = _machine.SetUpQueue(0, 4, 0x5000);
        Assert.Equal(Bytes.Ok, again.Send(Bytes.Map(1, 0, 0xfff, 0)));
        Assert.Equal(1, again.UsedIndex);
    }

    [Fact]
    public void QueueReady_of_a_queue_that_is_not_ready_can_be_cleared_without_losing_its_configuration()
    {
        _machine.Negotiate();
        var ring = new Ring(_machine, 0, 16, 0x1000);
        _machine[0x080] = (uint)ring.Descriptors;
        _machine[0x090] = (uint)ring.Available;
        _machine[0x0a0] = (uint)ring.Used;
        _machine[0x044] = 0;
        _machine[0x044] = 2;
        Assert.Equal(0u, _machine[0x044]);
        _machine[0x044] = 1;
        _machine.Status = 0xf;
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, MmioMachine.Endpoint)));
    }

    [Fact]
    public void A_ready_queue_keeps_its_configuration()
    {
        var ring = _machine.Start().Requests;
        _machine[0x030] = 0;
        foreach (int register in new[] { 0x038, 0x080, 0x084, 0x090, 0x094, 0x0a0, 0x0a4, 0x044, 0x0c0 }) _machine[register] = 8;
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, MmioMachine.Endpoint)));
    }

    [Fact]
    public void QueueReset_resets_one_queue()
    {
        var (requests, events) = _machine.Start();
        requests.Send(Bytes.Attach(1, MmioMachine.Endpoint));
        _machine[0x030] = 0;
        _machine[0x0c0] = 1;
        Assert.Equal(0u, _machine[0x0c0]);
        Assert.Equal(0u, _machine[0x044]);
        _machine[0x030] = 1;
        Assert.Equal(1u, _machine[0x044]);

        requests.OfferAndNotify();
        Assert.Equal(1, requests.UsedIndex);
        var again = _machine.SetUpQueue(0, 8, 0x6000);
        Assert.Equal(Bytes.Ok, again.Send(Bytes.Map(1, 0, 0xfff, 0)));

        events.Describe(0, events.Reply, 24, Ring.Writable);
        events.OfferAndNotify();
        _machine.Device.Read(MmioMachine.Endpoint, new(0x10000), new byte[1]);
        Assert.Equal(1, events.UsedIndex);
    }

    [Fact]
    public void QueueReset_is_ignored_unless_negotiated()
    {
        var ring = _machine.Start(without: VirtioFeatures.RingReset).Requests;
        _machine[0x030] = 0;
        _machine[0x0c0] = 1;
        Assert.Equal(1u, _machine[0x044]);
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, MmioMachine.Endpoint)));
    }

    [Fact]
    public void A_notification_with_data_names_its_queue_in_the_low_half()
    {
        var machine = new MmioMachine(new() { Features = VirtioFeatures.Default | VirtioFeatures.NotificationData });
        var ring = machine.Start().Requests;
        ring.Fill(Bytes.Attach(1, MmioMachine.Endpoint));
        ring.Describe(0, ring.Request, 20, Ring.Next, 1);
        ring.Describe(1, ring.Reply, 4, Ring.Writable);
        ring.Offer(0);
        machine[0x050] = 0x0001_0000;
        Assert.Equal(1, ring.UsedIndex);
    }

    [Fact]
    public void A_notification_without_data_is_nothing_but_an_index()
    {
        var ring = _machine.Start().Requests;
        ring.Fill(Bytes.Attach(1, MmioMachine.Endpoint));
        ring.Describe(0, ring.Request, 20, Ring.Next, 1);
        ring.Describe(1, ring.Reply, 4, Ring.Writable);
        ring.Offer(0);
        _machine[0x050] = 0x0001_0000;
        Assert.Equal(0, ring.UsedIndex);
        _machine[0x050] = 0;
        Assert.Equal(1, ring.UsedIndex);
    }

    [Fact]
    public void A_suspended_device_serves_nothing_until_it_resumes()
    {
        var ring = _machine.Start().Requests;
        _machine.Status = 0x1f;
        Assert.Equal(0x1bu, _machine.Status);
        ring.Fill(Bytes.Attach(1, MmioMachine.Endpoint));
        ring.Describe(0, ring.Request, 20, Ring.Next, 1);
        ring.Describe(1, ring.Reply, 4, Ring.Writable);
        ring.OfferAndNotify();
        Assert.Equal(0, ring.UsedIndex);
        _machine.Status = 0x1f;
        Assert.Equal(0xfu, _machine.Status);
        Assert.Equal(1, ring.UsedIndex);
    }

    [Fact]
    public void FEATURES_OK_stays_clear_without_VERSION_1()
    {
        _machine.Status = 3;
        _machine.AcceptFeatures(4);
        _machine.Status = 0xb;
        Assert.Equal(3u, _machine.Status);
    }
}
