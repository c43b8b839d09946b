using Viommu.Device.Tests.Support;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Virtqueue;

/// <summary>Section 2.9: what VIRTIO_F_NOTIFICATION_DATA adds to a notification spares the device a look, and is not trusted.</summary>
public class NotificationDataTests
{
    private static readonly byte[] Attach = Bytes.Attach(1, Machine.Endpoint);

    private readonly Machine _machine = Machine.WithPackedRings(VirtioFeatures.NotificationData | VirtioFeatures.NotificationConfigData);
    private int _reads;

    private void CountReads()
    {
        _reads = 0;
        _machine.DeviceView.AfterRead = (_, _) => _reads++;
    }

    private void NotifySplit(ushort availableIndex) => _machine.Write(Machine.Doorbell, 4, (ulong)availableIndex << 16);

    [Fact]
    public void A_packed_notification_is_served_at_every_position()
    {
        var ring = _machine.StartPacked(size: 5).Requests;
        for (int i = 0; i < 50; i++)
        {
            ring.Fill(Attach);
            int slot = ring.OfferRequest((ushort)i, 20);
            ring.NotifyWith(ring.Position);
            Assert.Equal((i, 4u), (ring.UsedAt(slot).Id, ring.UsedAt(slot).Length));
        }
    }

    [Fact]
    public void A_packed_notification_of_nothing_new_costs_no_look()
    {
        var ring = _machine.StartPacked(size: 4).Requests;
        ring.Fill(Attach);
        CountReads();
        ring.NotifyWith(0x8000);
        Assert.Equal(0, _reads);
        for (int i = 1; i <= 4; i++)
        {
            ring.OfferRequest(1, 20);
            ring.NotifyWith(ring.Position);
            CountReads();
            ring.NotifyWith((ushort)((i % 2 * 2) | (i is 1 or 4 ? 0x8000 : 0)));
            Assert.Equal(0, _reads);
        }
    }

    [Fact]
    public void A_split_notification_of_nothing_new_costs_no_look()
    {
        var ring = _machine.Start(without: VirtioFeatures.RingPacked).Requests;
        ring.Fill(Attach);
        ring.Describe(0, ring.Request, 20, Ring.Next, 1);
        ring.Describe(1, ring.Reply, 4, Ring.Writable);
        ushort[] around = [1, 2, 0x7fff, 0x8000, 0x8001, 0xffff, 0];
        ushort position = 0;
        foreach (ushort stop in around)
        {
            for (; position != stop; position++)
            {
                ring.Offer(0);
                NotifySplit((ushort)(position + 1));
            }

            Assert.Equal(stop, ring.UsedIndex);
            CountReads();
            NotifySplit(stop);
            Assert.Equal(0, _reads);
        }
    }

    [Theory]
    [InlineData((ushort)0x0000)]
    [InlineData((ushort)0x7fff)]
    [InlineData((ushort)0xffff)]
    public void A_position_that_cannot_be_is_no_more_than_a_reason_to_look(ushort position)
    {
        var ring = _machine.StartPacked().Requests;
        ring.Fill(Attach);
        ring.NotifyWith(position);
        Assert.Equal(new byte[16], ring.DescriptorAt(0));
        int slot = ring.OfferRequest(1, 20);
        ring.NotifyWith(position);
        Assert.Equal(4u, ring.UsedAt(slot).Length);
        Assert.Equal(0xf, _machine.Status);
    }

    [Fact]
    public void A_notification_that_came_too_early_is_served_all_the_same()
    {
        _machine.Negotiate();
        var ring = _machine.SetUpPackedQueue(0, 16, 0x1000);
        ring.Fill(Attach);
        int slot = ring.OfferRequest(1, 20);
        ring.NotifyWith(ring.Position);
        Assert.Equal(20u, ring.UsedAt(slot).Length);
        _machine.Status = 0xf;
        Assert.Equal(4u, ring.UsedAt(slot).Length);
    }
}
