using Viommu.Device.Tests.Support;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Transport;

/// <summary>Section 4.2.4, and the sections "Legacy Interface" of chapters 2, 3 and 6, on virtio-mmio version 1.</summary>
public class MmioLegacyTests
{
    private const uint Endpoint = MmioMachine.Endpoint;

    private readonly MmioMachine _machine = new(new() { Legacy = true });

    [Fact]
    public void A_device_set_up_by_the_book_answers()
    {
        var ring = new LegacyMmioMachine().Start().Requests;
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, Endpoint)));
    }

    [Fact]
    public void Requests_are_served_and_faults_reported_before_DRIVER_OK()
    {
        _machine[0x020] = 0x77;
        var requests = _machine.SetUpLegacyQueue(0, 16, 1);
        var events = _machine.SetUpLegacyQueue(1, 8, 4);
        Assert.Equal(0u, _machine.Status);
        Assert.Equal(Bytes.Ok, requests.Send(Bytes.Attach(1, Endpoint)));
        Assert.Equal(1u, _machine[0x060]);
        events.Describe(0, events.Reply, 24, Ring.Writable);
        events.OfferAndNotify();
        _machine.Device.Read(Endpoint, new(0x10000), new byte[1]);
        Assert.Equal(1, events.UsedIndex);
    }

    [Fact]
    public void There_is_no_FEATURES_OK_and_no_suspension()
    {
        _machine.Status = 0xff;
        Assert.Equal(0x87u, _machine.Status);
        _machine.Status = 0xff;
        Assert.Equal(0x87u, _machine.Status);
    }

    [Fact]
    public void VERSION_1_and_all_other_bits_above_31_are_seen_but_not_accepted()
    {
        Assert.Equal(0x0000_0901_3800_0077ul, _machine.OfferedFeatures());
        _machine.AcceptFeatures(_machine.OfferedFeatures());
        _machine.Status = 0xb;
        Assert.Equal(3u, _machine.Status);

        // RING_RESET and SUSPEND would show; version 1 has no register for the former.
        var ring = _machine.SetUpLegacyQueue(0, 16, 1);
        _machine.Status = 7;
        _machine.Status = 0x1f;
        Assert.Equal(7u, _machine.Status);
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, Endpoint)));
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Map(1, 0, 0xfff, 0)));
    }

    [Fact]
    public void Features_are_in_force_once_written_and_until_DRIVER_OK_can_be_written_again()
    {
        var ring = _machine.SetUpLegacyQueue(0, 16, 1);
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, Endpoint)));
        Assert.True(IsUnanswered(ring, Bytes.Map(1, 0, 0xfff, 0)));
        _machine[0x020] = 4;
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Map(1, 0, 0xfff, 0)));
        _machine[0x020] = 0;
        Assert.True(IsUnanswered(ring, Bytes.Unmap(1, 0, 0xfff)));
        _machine[0x020] = 4;
        _machine.Status = 7;
        _machine[0x020] = 0;
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Unmap(1, 0, 0xfff)));
    }

    [Fact]
    public void Bits_that_were_not_offered_are_ignored()
    {
        foreach (var (features, availEvent) in new[] { (VirtioFeatures.Version1 | VirtioFeatures.EventIndex, 1), (VirtioFeatures.Version1, 0) })
        {
            var machine = new MmioMachine(new() { Legacy = true, Features = features });
            machine[0x020] = uint.MaxValue;
            var ring = machine.SetUpLegacyQueue(0, 16, 1);
            Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, Endpoint)));
            Assert.Equal(availEvent, ring.AvailEvent);
        }
    }

    [Fact]
    public void A_configuration_field_can_be_written_before_the_features_are()
    {
        _machine.WriteConfig(36, 1, 0);
        Assert.Equal(0ul, _machine.ReadConfig(36, 1));
        _machine[0x020] = 4;
        _machine.WriteConfig(36, 1, 1);
        Assert.Equal(0ul, _machine.ReadConfig(36, 1));
        _machine.Status = 0;
        _machine.WriteConfig(36, 1, 1);
        Assert.Equal(1ul, _machine.ReadConfig(36, 1));

        // Which accepts no feature.
        var ring = _machine.SetUpLegacyQueue(0, 16, 1);
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, Endpoint)));
        Assert.True(IsUnanswered(ring, Bytes.Map(1, 0, 0xfff, 0)));
    }

    [Theory]
    [InlineData(36, 1)]
    [InlineData(36, 2)]
    [InlineData(36, 4)]
    [InlineData(32, 8)]
    [InlineData(35, 2)]
    public void Writes_of_every_width_have_the_effect_of_the_natural_one(int offset, int width)
    {
        _machine.WriteConfig(offset, width, 0);
        Assert.Equal(0ul, _machine.ReadConfig(36, 1));
    }

    [Theory]
    [InlineData(16, 4096u, 0x2000ul)]
    [InlineData(16, 64u, 0x1140ul)]
    [InlineData(16, 2u, 0x1126ul)]
    [InlineData(8, 32u, 0x10a0ul)]
    [InlineData(4, 4u, 0x1050ul)]
    [InlineData(4, 1u, 0x104eul)]
    public void The_used_ring_is_where_the_legacy_layout_has_it(int size, uint align, ulong used)
    {
        var ring = _machine.SetUpLegacyQueue(0, size, 1, align: align);
        Assert.Equal(used, ring.Used);
        for (int i = 0; i < size + 1; i++) Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, Endpoint)));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(3u)]
    [InlineData(4097u)]
    public void An_alignment_or_page_size_that_is_no_power_of_two_is_not_taken_over(uint value)
    {
        _machine[0x028] = value;
        _machine[0x030] = 0;
        _machine[0x03c] = value;
        _machine[0x040] = 1;
        var ring = LegacyRings.At(_machine, 0, 16, 0x1000, 4096);
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, Endpoint)));
    }

    [Fact]
    public void The_page_size_outlives_a_device_reset_and_not_a_system_reset()
    {
        _machine[0x028] = 0x4000;
        _machine.Status = 0;
        var ring = _machine.SetUpLegacyQueue(0, 16, 1, pageSize: 0x4000);
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, Endpoint)));

        _machine.Mmio.SystemReset();
        ring = _machine.SetUpLegacyQueue(0, 16, 1);
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, Endpoint)));
    }

    [Fact]
    public void A_queue_in_use_is_not_moved()
    {
        var ring = _machine.SetUpLegacyQueue(0, 16, 1);
        _machine[0x028] = 0x4000;
        _machine[0x038] = 4;
        _machine[0x03c] = 64;
        _machine[0x040] = 3;
        Assert.Equal(1u, _machine[0x040]);
        for (int i = 0; i < 5; i++) Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, Endpoint)));
    }

    [Fact]
    public void Page_0_stops_a_queue_which_then_starts_over()
    {
        var ring = _machine.SetUpLegacyQueue(0, 8, 1, align: 64);
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, Endpoint)));
        _machine[0x040] = 0;
        Assert.Equal(0u, _machine[0x040]);
        ring.OfferAndNotify();
        Assert.Equal(1, ring.UsedIndex);

        _machine[0x040] = 6;
        ring = LegacyRings.At(_machine, 0, 16, 0x6000, 4096);
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, Endpoint)));
        Assert.Equal(1, ring.UsedIndex);
    }

    [Fact]
    public void Reset_stops_every_queue()
    {
        _machine.SetUpLegacyQueue(0, 4, 1, align: 64);
        _machine.SetUpLegacyQueue(1, 8, 4);
        _machine.Status = 0;
        foreach (uint queue in new[] { 1u, 0u })
        {
            _machine[0x030] = queue;
            Assert.Equal(0u, _machine[0x040]);
        }

        // Neither size nor alignment of before.
        _machine[0x040] = 1;
        Assert.Equal(Bytes.Ok, LegacyRings.At(_machine, 0, 16, 0x1000, 4096).Send(Bytes.Attach(1, Endpoint)));
    }

    [Theory]
    [InlineData(2u)]
    [InlineData(uint.MaxValue)]
    public void A_queue_that_does_not_exist_has_no_page(uint queue)
    {
        _machine[0x030] = queue;
        foreach (int register in new[] { 0x038, 0x03c, 0x040 }) _machine[register] = 1;
        Assert.Equal(0u, _machine[0x034]);
        Assert.Equal(0u, _machine[0x040]);
        _machine[0x050] = queue;
        Assert.Equal(0u, _machine.Status);
    }

    [Theory]
    [InlineData(0u, 0x40u, 0u)]
    [InlineData(4u, 0x44u, 2u)]
    public void A_broken_ring_needs_a_reset_and_notifies_only_after_DRIVER_OK(uint before, uint after, uint interrupt)
    {
        var ring = _machine.SetUpLegacyQueue(0, 16, 1);
        _machine.Status = before | 0x40;
        ring.AvailableIndex = 0x4000;
        ring.Notify();
        Assert.Equal(after, _machine.Status);
        Assert.Equal(interrupt, _machine[0x060]);
    }

    [Fact]
    public void A_page_where_there_is_no_memory_is_a_broken_ring()
    {
        _machine[0x028] = 0x8000_0000;
        _machine[0x030] = 0;
        _machine[0x03c] = 0x8000_0000;
        _machine[0x040] = uint.MaxValue;
        Assert.Equal(uint.MaxValue, _machine[0x040]);
        _machine[0x050] = 0;
        Assert.Equal(0x40u, _machine.Status);
    }

    [Fact]
    public void A_driver_that_depends_on_VERSION_1_finds_FEATURES_OK_clear()
    {
        Assert.NotEqual(0ul, _machine.OfferedFeatures() & (ulong)VirtioFeatures.Version1);
        _machine.Status = 3;
        _machine.AcceptFeatures(0x1_0000_0004);
        _machine.Status = 0xb;
        Assert.Equal(3u, _machine.Status);
    }

    // IOMMU-OPS-D-03: a request that is not available is used with length 0.
    private static bool IsUnanswered(Ring ring, byte[] request)
    {
        ring.Fill(request);
        ring.Describe(0, ring.Request, (uint)request.Length, Ring.Next, 1);
        ring.Describe(1, ring.Reply, 4, Ring.Writable);
        ushort before = ring.UsedIndex;
        ring.OfferAndNotify();
        return ring.UsedElement(before) == (0u, 0u) && ring.ReplyBytes(1)[0] == Ring.Poison;
    }
}
