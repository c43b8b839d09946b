using Viommu.Device.Tests.Support;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Virtqueue;

/// <summary>Section 2.8.10: who is notified of what in a packed ring.</summary>
public class EventSuppressionTests
{
    private static readonly byte[] Attach = Bytes.Attach(1, Machine.Endpoint);

    private readonly Machine _machine = Machine.WithPackedRings();

    [Theory]
    [InlineData((ushort)0, true)]
    [InlineData((ushort)1, false)]
    [InlineData((ushort)0xfffc, true)]
    [InlineData((ushort)0xfffd, false)]
    public void Enable_and_disable_need_no_EVENT_IDX_and_reserved_bits_are_ignored(ushort flags, bool isNotified)
    {
        foreach (var without in new[] { VirtioFeatures.None, VirtioFeatures.EventIndex })
        {
            var ring = _machine.StartPacked(without).Requests;
            ring.SetDriverEvent(flags, offset: 9);
            ring.Send(Attach);
            Assert.Equal(isNotified, _machine.Function.IsIntxAsserted);
        }
    }

    [Theory]
    [InlineData((ushort)2, VirtioFeatures.EventIndex)]
    [InlineData((ushort)3, VirtioFeatures.None)]
    public void What_the_flags_must_not_say_loses_no_notification(ushort flags, VirtioFeatures without)
    {
        var ring = _machine.StartPacked(without).Requests;
        ring.SetDriverEvent(flags, offset: 9);
        ring.Send(Attach);
        Assert.True(_machine.Function.IsIntxAsserted);
    }

    // A list of two at slots 2 and 3 of 5, or at 4 and, in the next round, 0.
    [Theory]
    [InlineData(1, 2, true, true)]
    [InlineData(1, 3, true, true)]
    [InlineData(1, 1, true, false)]
    [InlineData(1, 4, true, false)]
    [InlineData(1, 2, false, false)]
    [InlineData(1, 3, false, false)]
    [InlineData(1, 5, true, false)]
    [InlineData(1, 0x7fff, true, false)]
    [InlineData(2, 4, true, true)]
    [InlineData(2, 0, false, true)]
    [InlineData(2, 0, true, false)]
    [InlineData(2, 4, false, false)]
    [InlineData(2, 5, true, false)]
    public void With_EVENT_IDX_the_awaited_descriptor_decides(int listsBefore, int offset, bool wrap, bool isNotified)
    {
        var ring = _machine.StartPacked(size: 5).Requests;
        ring.SetDriverEvent(1);
        for (int i = 0; i < listsBefore; i++) ring.Send(Attach);
        ring.SetDriverEvent(2, offset, wrap);
        ring.Send(Attach);
        Assert.Equal(isNotified, _machine.Function.IsIntxAsserted);
    }

    [Fact]
    public void With_EVENT_IDX_every_descriptor_of_three_rounds_can_be_awaited()
    {
        var ring = _machine.StartPacked(size: 7).Requests;
        for (int i = 0; i < 3 * 7; i++)
        {
            ring.SetDriverEvent(2, ring.Next, ring.Wrap);
            ring.Send(Attach);
            Assert.Equal(1ul, _machine.Read(Machine.Isr, 1));
            ring.SetDriverEvent(2, ring.Next, !ring.Wrap);
            ring.Send(Attach);
            Assert.Equal(0ul, _machine.Read(Machine.Isr, 1));
        }
    }

    [Fact]
    public void A_batch_notifies_if_any_of_its_descriptors_was_awaited()
    {
        var ring = _machine.StartPacked(size: 5).Requests;
        ring.SetDriverEvent(2, 3, wrap: true);
        ring.Fill(Attach);
        ring.OfferRequest(1, 20);
        ring.OfferRequest(2, 20);
        ring.Notify();
        Assert.True(_machine.Function.IsIntxAsserted);
        Assert.Equal(1ul, _machine.Read(Machine.Isr, 1));
        ring.Send(Attach);
        Assert.False(_machine.Function.IsIntxAsserted);
    }

    [Fact]
    public void With_EVENT_IDX_the_device_asks_for_the_next_descriptor()
    {
        var ring = _machine.StartPacked(size: 3).Requests;
        byte[][] expected = [[2, 0x80, 2, 0], [1, 0, 2, 0], [0, 0x80, 2, 0], [2, 0x80, 2, 0]];
        foreach (var bytes in expected)
        {
            ring.Send(Attach);
            Assert.Equal(bytes, ring.DeviceEventBytes);
        }
    }

    [Fact]
    public void Without_EVENT_IDX_the_device_enables_notifications_whatever_was_there()
    {
        var ring = _machine.StartPacked(without: VirtioFeatures.EventIndex).Requests;
        _machine.Memory.Write(new(ring.DeviceEvent), 0xcc, 0xcc, 0x01, 0xcc);
        ring.Send(Attach);
        Assert.Equal([0, 0, 0, 0], ring.DeviceEventBytes);
    }

    [Fact]
    public void A_buffer_added_while_the_device_asks_for_notifications_is_not_missed()
    {
        var ring = _machine.StartPacked().Requests;
        ring.Fill(Attach);
        int slot = 0;
        _machine.DeviceView.CanWrite = address =>
        {
            if (address == ring.DeviceEvent && ring.Next == 0) slot = ring.OfferRequest(4, 20);
            return true;
        };
        ring.Notify();
        Assert.Equal(((ushort)4, 4u, PackedRing.UsedFlags(true, Ring.Writable)), ring.UsedAt(slot));
        Assert.Equal([2, 0x80, 2, 0], ring.DeviceEventBytes);
    }
}
