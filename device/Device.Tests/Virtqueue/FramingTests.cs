using Viommu.Device.Iommu;
using Viommu.Device.Tests.Support;

namespace Viommu.Device.Tests.Virtqueue;

/// <summary>Sections 2.7.4 and 2.7.5.3: how a request is cut into descriptors means nothing.</summary>
public class FramingTests
{
    private readonly Machine _machine = new();
    private readonly Ring _ring;
    private readonly byte[] _request = Bytes.Attach(1, Machine.Endpoint);

    public FramingTests() => _ring = _machine.Start().Requests;

    [Fact]
    public void Two_descriptors_are_answered_with_four_bytes_and_no_more()
    {
        _ring.Fill(_request);
        _ring.Describe(3, _ring.Request, 20, Ring.Next, 7);
        _ring.Describe(7, _ring.Reply, 16, Ring.Writable);
        _ring.OfferAndNotify(3);
        Assert.Equal(1, _ring.UsedIndex);
        Assert.Equal((3u, 4u), _ring.UsedElement(0));
        Assert.Equal([0, 0, 0, 0, Ring.Poison], _ring.ReplyBytes(5));
    }

    [Fact]
    public void Head_and_tail_can_each_be_scattered_over_descriptors_of_any_size()
    {
        _ring.Fill(_request);
        _ring.Describe(0, _ring.Request, 1, Ring.Next, 1);
        _ring.Describe(1, _ring.Request + 1, 6, Ring.Next, 2);
        _ring.Describe(2, 0, 0, Ring.Next, 3);
        _ring.Describe(3, _ring.Request + 7, 13, Ring.Next, 4);
        _ring.Describe(4, _ring.Reply, 1, Ring.Next | Ring.Writable, 5);
        _ring.Describe(5, 0, 0, Ring.Next | Ring.Writable, 6);
        _ring.Describe(6, _ring.Reply + 8, 3, Ring.Writable);
        _ring.OfferAndNotify();
        Assert.Equal((0u, 4u), _ring.UsedElement(0));
        Assert.Equal([0, .. Enumerable.Repeat(Ring.Poison, 7), 0, 0, 0, Ring.Poison], _ring.ReplyBytes(12));
    }

    [Theory]
    [InlineData(Ring.Indirect)]
    [InlineData((ushort)(Ring.Indirect | Ring.Writable))]
    public void An_indirect_table_works_whatever_the_outer_WRITE_flag_says(ushort outerFlags)
    {
        _ring.Fill(_request);
        _ring.Describe(0, _ring.IndirectTable, 48, outerFlags);
        _ring.Describe(0, _ring.Request, 20, Ring.Next, 2, _ring.IndirectTable);
        _ring.Describe(2, _ring.Reply, 4, Ring.Writable, 0, _ring.IndirectTable);
        _ring.OfferAndNotify();
        Assert.Equal((0u, 4u), _ring.UsedElement(0));
        Assert.Equal([0, 0, 0, 0], _ring.ReplyBytes(4));
    }

    [Fact]
    public void Direct_descriptors_can_be_followed_by_one_indirect_table()
    {
        _ring.Fill(_request);
        _ring.Describe(0, _ring.Request, 9, Ring.Next, 1);
        _ring.Describe(1, _ring.IndirectTable, 32, Ring.Indirect);
        _ring.Describe(0, _ring.Request + 9, 11, Ring.Next, 1, _ring.IndirectTable);
        _ring.Describe(1, _ring.Reply, 4, Ring.Writable, 0, _ring.IndirectTable);
        _ring.OfferAndNotify();
        Assert.Equal((0u, 4u), _ring.UsedElement(0));
        Assert.Equal([0, 0, 0, 0], _ring.ReplyBytes(4));
    }

    [Fact]
    public void A_chain_as_long_as_the_queue_is_fine()
    {
        _ring.Fill(_request);
        for (ushort i = 0; i < 15; i++)
            _ring.Describe(i, _ring.Request + i, i == 14 ? 6u : 1u, Ring.Next, (ushort)(i + 1));
        _ring.Describe(15, _ring.Reply, 4, Ring.Writable);
        _ring.OfferAndNotify();
        Assert.Equal((0u, 4u), _ring.UsedElement(0));
    }

    [Fact]
    public void An_unknown_request_is_used_with_length_zero_and_stays_unwritten()
    {
        _ring.Fill([0x77, .. new byte[19]]);
        _ring.Describe(0, _ring.Request, 20, Ring.Next, 1);
        _ring.Describe(1, _ring.Reply, 4, Ring.Writable);
        _ring.OfferAndNotify();
        Assert.Equal((0u, 0u), _ring.UsedElement(0));
        Assert.Equal([.. Enumerable.Repeat(Ring.Poison, 4)], _ring.ReplyBytes(4));
    }

    [Fact]
    public void A_chain_without_a_writable_part_is_used_with_length_zero()
    {
        _ring.Fill(_request);
        _ring.Describe(0, _ring.Request, 20);
        _ring.OfferAndNotify();
        Assert.Equal((0u, 0u), _ring.UsedElement(0));
        Assert.Equal(0xf, _machine.Status);
    }

    [Fact]
    public void A_reply_never_shows_bytes_of_an_earlier_one()
    {
        var machine = new Machine(options => options with
        {
            ProbeSize = 24,
            Endpoints = [new(Machine.Endpoint) { ReservedRegions = [new(new(0x1000, 0x1fff), ReservedRegionKind.Reserved)] }],
        });
        var ring = machine.Start().Requests;
        ring.Describe(0, ring.Request, 72, Ring.Next, 1);
        ring.Describe(1, ring.Reply, 28, Ring.Writable);
        ring.Fill(Bytes.Probe(Machine.Endpoint));
        ring.OfferAndNotify();
        Assert.Equal([1, 0, 20, 0], ring.ReplyBytes(4));
        ring.Fill(Bytes.Probe(99));
        ring.OfferAndNotify();
        Assert.Equal((0u, 28u), ring.UsedElement(1));
        Assert.Equal([.. new byte[24], Bytes.NoEnt, 0, 0, 0], ring.ReplyBytes(28));
    }

    [Fact]
    public void A_short_PROBE_buffer_gets_its_tail_at_the_end()
    {
        _ring.Fill(Bytes.Probe(Machine.Endpoint));
        _ring.Describe(0, _ring.Request, 72, Ring.Next, 1);
        _ring.Describe(1, _ring.Reply, 10, Ring.Writable);
        _ring.OfferAndNotify();
        Assert.Equal((0u, 10u), _ring.UsedElement(0));
        Assert.Equal([0, 0, 0, 0, 0, 0, Bytes.Inval, 0, 0, 0, Ring.Poison], _ring.ReplyBytes(11));
    }
}
