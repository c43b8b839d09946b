using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Transports.Judging;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Tests.Transports;

/// <summary>The judge of registers is never stricter than the text: what the text leaves open is accused of nothing, and what it does not is.</summary>
public class JudgeFreedomTests
{
    private const uint Offer = (uint)(Features.MapUnmap | Features.BypassConfig);
    private const uint HighOffer = (uint)((Features.Version1 | Features.RingReset | Features.Suspend) >> 32);

    private readonly ShadowedMemory _memory = new(0x1_0000);
    private readonly MmioJudge _judge;

    public JudgeFreedomTests()
    {
        _memory.Grant(0, _memory.Size, Rights.Both);
        _judge = new(_memory);
        _judge.PowerOn();
    }

    [Fact]
    public void A_device_may_refuse_a_driver_without_VERSION_1_and_may_accept_it()
    {
        Negotiate(Offer, 0);
        Status(StatusBits.Found);
        Negotiate(Offer, 0);
        Status(StatusBits.Negotiated);
    }

    [Fact]
    public void A_device_may_ignore_a_bit_that_it_never_offered()
    {
        Negotiate(Offer | (1u << 20), HighOffer);
        Status(StatusBits.Negotiated);
        Assert.True(_judge.IsLost);
    }

    [Fact]
    public void A_device_refuses_no_set_that_it_offers()
    {
        Negotiate(Offer, HighOffer);
        Assert.Equal("CORE-FEAT-D-02", Broken(() => Status(StatusBits.Found)));
    }

    [Fact]
    public void Nothing_is_said_of_a_device_whose_driver_misbehaves_until_it_is_reset()
    {
        GoLive();
        // Undefined bits.
        Write(MmioRegister.InterruptAck, 0xff);
        Status(StatusBits.NeedsReset);
        Read(MmioRegister.InterruptStatus, 3);
        Write(MmioRegister.Status, 0);
        Assert.Equal("CORE-RESET-D-01", Broken(() => Status(StatusBits.Live)));
    }

    [Fact]
    public void An_access_of_the_wrong_width_is_one_that_nobody_may_make()
    {
        GoLive();
        _judge.Saw(MmioRegister.InterruptStatus, 1, 0xff);
        Assert.True(_judge.IsLost);
        Read(MmioRegister.InterruptStatus, 3);
    }

    [Fact]
    public void A_queue_reset_may_take_its_time_but_not_come_back()
    {
        GoLive();
        Write(MmioRegister.QueueSel, 0);
        Write(MmioRegister.QueueReset, 1);
        Read(MmioRegister.QueueReset, 1);
        Read(MmioRegister.QueueReset, 1);
        Read(MmioRegister.QueueReset, 0);
        Read(MmioRegister.QueueReady, 0);
        Assert.Equal("MMIO-REG-D-12", Broken(() => Read(MmioRegister.QueueReset, 1)));
    }

    [Fact]
    public void A_device_that_cannot_suspend_may_need_a_reset_instead()
    {
        GoLive();
        Write(MmioRegister.Status, StatusBits.Live | StatusBits.Suspend);
        Status(StatusBits.Live | StatusBits.NeedsReset);
    }

    [Fact]
    public void A_device_that_is_asked_to_suspend_does_one_of_the_two()
    {
        GoLive();
        Write(MmioRegister.Status, StatusBits.Live | StatusBits.Suspend);
        Assert.Equal("CORE-SUSPEND-D-06", Broken(() => Status(StatusBits.Live)));
    }

    [Fact]
    public void A_change_before_DRIVER_OK_may_be_told_of_or_not()
    {
        Negotiate(Offer, HighOffer);
        Status(StatusBits.Negotiated);
        _judge.BypassChanges(1);
        Read(MmioRegister.InterruptStatus, 0);
        _judge.BypassChanges(0);
        Read(MmioRegister.InterruptStatus, 2);
    }

    [Fact]
    public void A_change_that_happens_to_a_running_device_is_told_of()
    {
        GoLive();
        _judge.BypassChanges(1);
        Assert.Equal("MMIO-REG-D-03", Broken(() => Read(MmioRegister.InterruptStatus, 0)));
    }

    [Fact]
    public void The_generation_may_move_with_a_change_or_with_the_read_that_sees_it()
    {
        GoLive();
        Read(MmioRegister.ConfigGeneration, 5);
        _judge.BypassChanges(1);
        Read(MmioRegister.ConfigGeneration, 5);
        _judge.Saw(MmioRegister.Config, 4, 0xfff);
        Read(MmioRegister.ConfigGeneration, 6);
        _judge.BypassChanges(0);
        Read(MmioRegister.ConfigGeneration, 7);
    }

    [Fact]
    public void The_generation_does_not_move_by_itself()
    {
        GoLive();
        Read(MmioRegister.ConfigGeneration, 5);
        Assert.Equal("DESC-MMIO-08", Broken(() => Read(MmioRegister.ConfigGeneration, 6)));
    }

    [Fact]
    public void A_field_may_change_if_the_generation_does()
    {
        GoLive();
        Read(MmioRegister.ConfigGeneration, 5);
        _judge.Saw(MmioRegister.Config + 24, 4, 1);
        _judge.Saw(MmioRegister.Config + 24, 4, 2);
        Read(MmioRegister.ConfigGeneration, 6);
        _judge.Saw(MmioRegister.Config + 24, 4, 3);
        Assert.Equal("MMIO-REG-D-06", Broken(() => Read(MmioRegister.ConfigGeneration, 6)));
    }

    [Fact]
    public void Registers_that_a_driver_selects_by_nothing_say_nothing()
    {
        Read(MmioRegister.QueueReady, 1);
        Read(MmioRegister.QueueSizeMax, 0);
        Read(MmioRegister.DeviceFeatures, uint.MaxValue);
        Assert.False(_judge.IsLost);
    }

    [Fact]
    public void A_device_that_does_not_want_to_be_notified_may_leave_chains_until_there_is_no_room_for_more()
    {
        GoLive(withQueue: true);
        var ring = _judge.Rings[0];
        // VIRTQ_USED_F_NO_NOTIFY.
        _memory.Bytes[ring.Used] = 1;
        Leave(1);
        Leave(ring.Size / 2 - 2);
        Assert.Equal("well-formed-rings-are-served", Broken(() => Leave(1)));

        void Leave(int count)
        {
            _judge.BeginStep();
            ring.Offer(count);
            Assert.True(_judge.TryLeaveUnnotified(0));
            _judge.EndStep();
        }
    }

    [Fact]
    public void A_device_that_is_notified_serves_what_it_has_left()
    {
        GoLive(withQueue: true);
        _memory.Bytes[_judge.Rings[0].Used] = 1;
        _judge.Rings[0].Offer(1);
        Assert.True(_judge.TryLeaveUnnotified(0));
        _judge.EndStep();
        Write(MmioRegister.QueueNotify, 0);
        Assert.Equal("well-formed-rings-are-served", Broken(_judge.EndStep));
    }

    [Fact]
    public void Bits_for_legacy_drivers_may_be_offered_and_others_that_are_not_described_may_not()
    {
        Write(MmioRegister.Status, 0);
        Write(MmioRegister.DeviceFeaturesSel, 0);
        Read(MmioRegister.DeviceFeatures, (uint)(Features.NotifyOnEmpty | Features.AnyLayout | Features.Unused));
        Write(MmioRegister.Status, 0);
        Write(MmioRegister.DeviceFeaturesSel, 1);
        Assert.Equal("CORE-FEAT-D-04", Broken(() => Read(MmioRegister.DeviceFeatures, HighOffer | (uint)(Features.NotifConfigData >> 32))));
    }

    [Fact]
    public void A_doorbell_may_move_within_its_structure()
    {
        var structures = new PciStructures();
        structures.Add(PciStructures.Common, 0x40, 0, new(0, 0x40), 0);
        structures.Add(PciStructures.Notify, 0x50, 0, new(0x1000, 12), 4);
        var judge = new PciJudge(_memory, structures);
        judge.PowerOn();
        judge.Placed();
        judge.Commands(hasMemorySpace: true, isBusMaster: true, isLineDisabled: false);
        judge.Wrote(0x14, 1, 0);
        judge.Wrote(0x16, 2, 0);
        judge.Saw(0x1e, 2, 0);
        judge.Saw(0x1e, 2, 2);
        Assert.Equal(0x1008, judge.DoorbellOf(0, isOther: false));
        Assert.Equal("PCI-NOTIFY-D-11", Broken(() => judge.Saw(0x1e, 2, 3)));
        judge.Wrote(0x14, 1, 0);
        Assert.True(judge.DoorbellOf(0, isOther: false) < 0);
    }

    [Fact]
    public void Bytes_of_a_capability_that_no_field_is_in_may_change_and_fields_may_not()
    {
        var space = new byte[0x100];
        (space[0], space[1], space[2], space[3], space[8], space[0x2e]) = (0xf4, 0x1a, 0x57, 0x10, 1, 0x40);
        space[0x34] = 0x40;
        for (int type = PciStructures.Common; type <= PciStructures.Window + 1; type++)
        {
            int at = 0x20 + (0x20 * type);
            bool isLast = type > PciStructures.Window;
            // The last is of a type that is reserved.
            (space[at], space[at + 1], space[at + 2], space[at + 3]) = (0x09, (byte)(isLast ? 0 : at + 0x20), 24, (byte)(isLast ? 0x40 : type));
            space[at + 12] = 0x40;
        }

        var judge = new PciFunctionJudge(new PciStructures(), new uint[6], isTransitional: false, (at, width) => (uint)Enumerable.Range(0, width).Sum(i => (long)space[at + i] << (8 * i)));
        judge.LookOver();
        (space[0x40 + 6], space[0x40 + 16], space[0xe0 + 5]) = (0xff, 0xff, 0xff);
        judge.LookOver();
        space[0x40 + 5] = 1;
        Assert.Equal("DESC-PCI-06", Broken(judge.LookOver));
    }

    private void GoLive(bool withQueue = false)
    {
        Negotiate(Offer, HighOffer);
        Status(StatusBits.Negotiated);
        if (withQueue) PlaceQueue();
        Write(MmioRegister.Status, StatusBits.Live);
        Status(StatusBits.Live);
    }

    private void PlaceQueue()
    {
        var ring = _judge.Rings[0];
        ring.Make(place: 0, size: 8, _judge.FeatureBits.Negotiated, alignment: 4);
        Write(MmioRegister.QueueSel, 0);
        Read(MmioRegister.QueueSizeMax, 8);
        Write(MmioRegister.QueueSize, 8);
        PlaceHalves(MmioRegister.QueueDescLow, MmioRegister.QueueDescHigh, ring.Descriptors);
        PlaceHalves(MmioRegister.QueueDriverLow, MmioRegister.QueueDriverHigh, ring.Available);
        PlaceHalves(MmioRegister.QueueDeviceLow, MmioRegister.QueueDeviceHigh, ring.Used);
        Write(MmioRegister.QueueReady, 1);
        Assert.False(_judge.IsLost);

        void PlaceHalves(uint low, uint high, int offset)
        {
            ulong address = ShadowedMemory.First + (uint)offset;
            Write(low, (uint)address);
            Write(high, (uint)(address >> 32));
        }
    }

    private void Negotiate(uint low, uint high)
    {
        Write(MmioRegister.Status, 0);
        Status(0);
        Write(MmioRegister.Status, StatusBits.Found);
        for (uint word = 0; word < 2; word++)
        {
            Write(MmioRegister.DeviceFeaturesSel, word);
            Read(MmioRegister.DeviceFeatures, word == 0 ? Offer : HighOffer);
            Write(MmioRegister.DriverFeaturesSel, word);
            Write(MmioRegister.DriverFeatures, word == 0 ? low : high);
        }

        Status(StatusBits.Found);
        Write(MmioRegister.Status, StatusBits.Negotiated);
    }

    private void Status(uint value) => Read(MmioRegister.Status, value);

    private void Read(uint register, uint value) => _judge.Saw(register, 4, value);

    private void Write(uint register, uint value) => _judge.Wrote(register, 4, value);

    private static string Broken(Action action) => Assert.Throws<BrokenInvariantException>(action).Rule;
}
