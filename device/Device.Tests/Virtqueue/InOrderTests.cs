using Viommu.Device.Tests.Support;
using Viommu.Device.Virtqueue;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Virtqueue;

/// <summary>Sections 2.7.9 and 2.8.8: with VIRTIO_F_IN_ORDER one entry stands for a batch of buffers written to their end.</summary>
public class InOrderTests
{
    private static readonly byte[] Attach = Bytes.Attach(1, Machine.Endpoint);

    private readonly Machine _machine = Machine.WithPackedRings(VirtioFeatures.InOrder);

    private Ring StartSplit()
    {
        var ring = _machine.Start(without: VirtioFeatures.RingPacked).Requests;
        ring.Fill(Attach);
        _machine.Memory.Write(new(ring.Used), [.. new byte[4], .. Enumerable.Repeat(Ring.Poison, 8 * 16)]);
        for (ushort head = 0; head < 16; head += 2)
        {
            ring.Describe(head, ring.Request, 20, Ring.Next, (ushort)(head + 1));
            ring.Describe(head + 1, ring.Reply, 4, Ring.Writable);
        }

        return ring;
    }

    [Fact]
    public void A_split_batch_has_one_element_at_its_first_place_with_the_head_of_its_last_chain()
    {
        var ring = StartSplit();
        for (int round = 0; round < 20; round++)
        {
            ushort before = ring.UsedIndex;
            foreach (ushort head in new ushort[] { 4, 6, 8 }) ring.Offer(head);
            ring.Notify();
            Assert.Equal((ushort)(before + 3), ring.UsedIndex);
            Assert.Equal((8u, 4u), ring.UsedElement(before));
        }
    }

    [Fact]
    public void The_skipped_elements_of_a_split_ring_are_not_written()
    {
        var ring = StartSplit();
        foreach (ushort head in new ushort[] { 0, 2, 4 }) ring.Offer(head);
        ring.Notify();
        Assert.Equal((4u, 4u), ring.UsedElement(0));
        Assert.Equal((0xccccccccu, 0xccccccccu), ring.UsedElement(1));
        Assert.Equal((0xccccccccu, 0xccccccccu), ring.UsedElement(2));
    }

    [Fact]
    public void A_buffer_that_was_not_written_to_its_end_ends_a_split_batch()
    {
        var ring = StartSplit();
        // Of sixteen writable bytes four are written.
        ring.Describe(5, ring.Reply, 16, Ring.Writable);
        foreach (ushort head in new ushort[] { 0, 2, 4, 6, 8 }) ring.Offer(head);
        ring.Notify();
        Assert.Equal(5, ring.UsedIndex);
        Assert.Equal((4u, 4u), ring.UsedElement(0));
        Assert.Equal((8u, 4u), ring.UsedElement(3));
        Assert.Equal((0xccccccccu, 0xccccccccu), ring.UsedElement(1));
    }

    [Fact]
    public void A_packed_batch_has_one_used_descriptor_at_its_first_place_with_the_id_of_its_last_list()
    {
        var ring = _machine.StartPacked(size: 7).Requests;
        for (int round = 0; round < 20; round++)
        {
            ring.Fill(Attach);
            bool wrap = ring.Wrap;
            int first = ring.OfferRequest(30, 20);
            int second = ring.OfferRequest(10, 20);
            int third = ring.OfferRequest(20, 20);
            byte[] others = [.. ring.DescriptorAt(second), .. ring.DescriptorAt(third)];
            ring.Notify();
            Assert.Equal(((ushort)20, 4u, PackedRing.UsedFlags(wrap, Ring.Writable)), ring.UsedAt(first));
            Assert.Equal(others, ring.DescriptorAt(second).Concat(ring.DescriptorAt(third)));
        }
    }

    [Fact]
    public void A_buffer_that_was_not_written_to_its_end_ends_a_packed_batch()
    {
        var ring = _machine.StartPacked().Requests;
        ring.Fill(Attach);
        int first = ring.OfferRequest(1, 20);
        ring.Offer(2, new(ring.Request, 20), new(ring.Reply, 16, Ring.Writable));
        int third = ring.OfferRequest(3, 20);
        ring.OfferRequest(4, 20);
        ring.Notify();
        var used = PackedRing.UsedFlags(true, Ring.Writable);
        Assert.Equal(((ushort)2, 4u, used), ring.UsedAt(first));
        Assert.Equal(((ushort)4, 4u, used), ring.UsedAt(third));
    }

    [Fact]
    public void Nothing_is_left_of_a_batch_that_ended_in_a_fault()
    {
        var ring = _machine.StartPacked().Requests;
        ring.Fill(Attach);
        int first = ring.OfferRequest(1, 20);
        ring.OfferRequest(2, 20);
        ring.Offer(3, new(ring.Reply, 4, Ring.Writable), new(ring.Request, 20));
        ring.Notify();
        Assert.Equal(ChainFault.ReadableAfterWritable, _machine.Function.LastFault);
        Assert.Equal(((ushort)2, 4u, PackedRing.UsedFlags(true, Ring.Writable)), ring.UsedAt(first));
        Assert.Equal(Bytes.Ok, _machine.StartPacked().Requests.Send(Attach));
    }

    [Fact]
    public void The_awaited_entry_can_be_one_of_the_skipped()
    {
        var split = StartSplit();
        split.UsedEvent = 1;
        foreach (ushort head in new ushort[] { 0, 2, 4 }) split.Offer(head);
        split.Notify();
        Assert.True(_machine.Function.IsIntxAsserted);

        var packed = _machine.StartPacked().Requests;
        packed.Fill(Attach);
        packed.SetDriverEvent(2, 3, wrap: true);
        for (ushort id = 0; id < 3; id++) packed.OfferRequest(id, 20);
        packed.Notify();
        Assert.True(_machine.Function.IsIntxAsserted);
    }
}
