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

    private readonly MmioJudge _judge;

    public JudgeFreedomTests()
    {
        var memory = new ShadowedMemory(0x1_0000);
        memory.Grant(0, memory.Size, Rights.Both);
        _judge = new(memory);
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

    private void GoLive()
    {
        Negotiate(Offer, HighOffer);
        Status(StatusBits.Negotiated);
        Write(MmioRegister.Status, StatusBits.Live);
        Status(StatusBits.Live);
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
