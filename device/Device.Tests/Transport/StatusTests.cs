using Viommu.Device.Tests.Support;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Transport;

/// <summary>Sections 2.1, 2.2, 2.4 and 3: status, negotiation, reset, suspension.</summary>
public class StatusTests
{
    private readonly Machine _machine = new();

    [Theory]
    [InlineData(0x1_0000_0000ul, true)]
    [InlineData(0x1_0000_0004ul, true)]
    [InlineData(0x0_0000_0004ul, false)]
    [InlineData(0x1_0000_0008ul, false)]
    [InlineData(0x9_0000_0004ul, false)]
    public void FEATURES_OK_stays_clear_unless_the_set_is_acceptable(ulong features, bool accepted)
    {
        _machine.Status = 3;
        _machine.AcceptFeatures(features);
        _machine.Status = 0xb;
        Assert.Equal(accepted ? 0xb : 0x3, _machine.Status);
    }

    [Fact]
    public void A_refused_set_can_be_replaced()
    {
        _machine.Status = 3;
        _machine.AcceptFeatures(8);
        _machine.Status = 0xb;
        _machine.AcceptFeatures(1ul << 32);
        _machine.Status = 0xb;
        Assert.Equal(0xb, _machine.Status);
    }

    [Fact]
    public void Features_are_fixed_once_FEATURES_OK_is_set()
    {
        _machine.Negotiate();
        _machine.AcceptFeatures(0);
        Assert.NotEqual(0u, _machine.Common(0x0c, 4));
    }

    [Fact]
    public void A_driver_cannot_clear_bits_or_set_the_device_s_own()
    {
        _machine.Status = 3;
        _machine.Status = 1;
        Assert.Equal(3, _machine.Status);
        _machine.Status = 0xff;
        Assert.Equal(0x83, _machine.Status);
    }

    [Fact]
    public void Nothing_is_consumed_or_reported_before_DRIVER_OK()
    {
        _machine.Negotiate();
        var requests = _machine.SetUpQueue(0, 16, 0x1000);
        var events = _machine.SetUpQueue(1, 8, 0x2000);
        requests.Fill(Bytes.Attach(1, Machine.Endpoint));
        requests.Describe(0, requests.Request, 20, Ring.Next, 1);
        requests.Describe(1, requests.Reply, 4, Ring.Writable);
        requests.OfferAndNotify();
        events.Describe(0, events.Reply, 24, Ring.Writable);
        events.OfferAndNotify();
        _machine.Write(Machine.DeviceConfig + 36, 1, 0);
        _machine.Device.Read(Machine.Endpoint, new(0), new byte[1]);
        Assert.Equal(0, requests.UsedIndex);
        Assert.Equal(0, events.UsedIndex);
        Assert.Equal(0ul, _machine.Read(Machine.Isr, 1));

        _machine.Status = 0xf;
        Assert.Equal(1, requests.UsedIndex);
        Assert.Equal(0, events.UsedIndex);
    }

    [Fact]
    public void DRIVER_OK_without_FEATURES_OK_is_ignored()
    {
        _machine.Status = 7;
        Assert.Equal(3, _machine.Status);
    }

    [Fact]
    public void Without_bus_mastering_the_device_leaves_memory_alone()
    {
        var ring = _machine.Start().Requests;
        _machine.Function.ConfigWrite(0x04, 2, 0x2);
        ring.Fill(Bytes.Attach(1, Machine.Endpoint));
        ring.Describe(0, ring.Request, 20);
        ring.OfferAndNotify();
        Assert.Equal(0, ring.UsedIndex);
        Assert.Equal(0xf, _machine.Status);
        _machine.Function.ConfigWrite(0x04, 2, 0x6);
        Assert.Equal(1, ring.UsedIndex);
    }

    [Fact]
    public void Reset_gives_a_fresh_device()
    {
        var ring = _machine.Start().Requests;
        ring.Send(Bytes.Attach(1, Machine.Endpoint));
        ring.Send(Bytes.Map(1, 0x1000, 0x1fff, 0));
        _machine.EnableMsix();
        _machine.Status = 0;
        Assert.Equal(0, _machine.Status);
        Assert.Equal(0u, _machine.Common(0x0c, 4));
        Assert.Equal(0xffffu, _machine.Common(0x10, 2));
        for (ushort queue = 0; queue < 2; queue++)
        {
            _machine.SetCommon(0x16, 2, queue);
            Assert.Equal(0u, _machine.Common(0x1c, 2));
            Assert.Equal(0xffffu, _machine.Common(0x1a, 2));
            Assert.Equal(0ul, _machine.Read(Machine.Bar0 + 0x20, 8));
        }

        ring.OfferAndNotify();
        Assert.Equal(2, ring.UsedIndex);

        _machine.Memory.Write(new(ring.Used), new byte[4]);
        ring = _machine.Start().Requests;
        Assert.Equal(Bytes.NoEnt, ring.Send(Bytes.Unmap(1, 0, 0xffff)));
    }

    [Fact]
    public void Suspending_stops_everything_and_resuming_continues()
    {
        var (ring, events) = _machine.Start();
        ring.Send(Bytes.Attach(1, Machine.Endpoint));
        events.Describe(0, events.Reply, 24, Ring.Writable);
        events.Offer(0);
        _machine.Read(Machine.Isr, 1);

        _machine.Status = 0x1f;
        Assert.Equal(0x1b, _machine.Status);
        ring.OfferAndNotify();
        _machine.Device.Read(Machine.Endpoint, new(0), new byte[1]);
        _machine.Write(Machine.DeviceConfig + 36, 1, 0);
        Assert.Equal(1, ring.UsedIndex);
        Assert.Equal(0, events.UsedIndex);
        Assert.Equal(1ul, _machine.Read(Machine.DeviceConfig + 36, 1));
        Assert.Equal(0ul, _machine.Read(Machine.Isr, 1));

        _machine.Status = 0x1b;
        Assert.Equal(0x1b, _machine.Status);
        _machine.Status = 0x1f;
        Assert.Equal(0xf, _machine.Status);
        Assert.Equal(2, ring.UsedIndex);
        ring.OfferAndNotify();
        Assert.Equal(3, ring.UsedIndex);
    }

    [Fact]
    public void A_resume_can_also_leave_the_SUSPEND_bit_out()
    {
        _machine.Start();
        _machine.Status = 0x1f;
        _machine.Status = 0x0f;
        Assert.Equal(0xf, _machine.Status);
    }

    [Fact]
    public void SUSPEND_is_ignored_before_DRIVER_OK_and_without_the_feature()
    {
        _machine.Negotiate();
        _machine.Status = 0x1b;
        Assert.Equal(0xb, _machine.Status);
        _machine.Status = 0x1f;
        Assert.Equal(0xf, _machine.Status);
        _machine.Start(without: VirtioFeatures.Suspend);
        _machine.Status = 0x1f;
        Assert.Equal(0xf, _machine.Status);
    }

    [Fact]
    public void A_suspended_device_can_be_reset()
    {
        _machine.Start();
        _machine.Status = 0x1f;
        _machine.Status = 0;
        Assert.Equal(0, _machine.Status);
    }
}
