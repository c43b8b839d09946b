using Viommu.Device.Tests.Support;
using Viommu.Device.Transport;
using Viommu.Device.Transport.Pci;

namespace Viommu.Device.Tests.Transport;

/// <summary>Sections 4.1.4.5, 4.1.5.1.2, 4.1.5.3 and 4.1.5.4: INTx with ISR, MSI-X.</summary>
public class InterruptTests
{
    private const ulong PendingBits = Machine.Bar1 + 0x800;

    private readonly Machine _machine = new();

    [Fact]
    public void INTx_is_asserted_until_ISR_is_read()
    {
        var ring = _machine.Start().Requests;
        ring.Send(Bytes.Attach(1, Machine.Endpoint));
        Assert.True(_machine.Function.IsIntxAsserted);
        Assert.Equal(0x18u, _machine.Function.ConfigRead(0x06, 2));
        Assert.Equal(1ul, _machine.Read(Machine.Isr, 1));
        Assert.False(_machine.Function.IsIntxAsserted);
        Assert.Equal(0x10u, _machine.Function.ConfigRead(0x06, 2));
        Assert.Equal(0ul, _machine.Read(Machine.Isr, 1));
    }

    [Fact]
    public void Interrupt_Disable_silences_INTx_but_not_its_status()
    {
        var ring = _machine.Start().Requests;
        _machine.Function.ConfigWrite(0x04, 2, 0x406);
        ring.Send(Bytes.Attach(1, Machine.Endpoint));
        Assert.False(_machine.Function.IsIntxAsserted);
        Assert.Equal(0x18u, _machine.Function.ConfigRead(0x06, 2));
    }

    [Fact]
    public void With_msix_a_queue_sends_the_message_of_its_vector_and_leaves_ISR_alone()
    {
        _machine.Negotiate();
        _machine.EnableMsix();
        var ring = _machine.SetUpQueue(0, 16, 0x1000);
        _machine.Status = 0xf;
        ring.Send(Bytes.Attach(1, Machine.Endpoint));
        Assert.Equal(0xa1u, _machine.TakeMessage());
        Assert.Equal(0ul, _machine.Read(Machine.Isr, 1));
        Assert.False(_machine.Function.IsIntxAsserted);
    }

    [Fact]
    public void Without_a_vector_there_is_no_interrupt_at_all()
    {
        _machine.Negotiate();
        _machine.EnableMsix();
        _machine.SetCommon(0x16, 2, 0);
        _machine.SetCommon(0x1a, 2, 0xffff);
        var ring = _machine.SetUpQueue(0, 16, 0x1000);
        _machine.Status = 0xf;
        ring.Send(Bytes.Attach(1, Machine.Endpoint));
        Assert.Equal(0u, _machine.TakeMessage());
        Assert.False(_machine.Function.IsIntxAsserted);
        Assert.Equal(0ul, _machine.Read(PendingBits, 8));
    }

    [Fact]
    public void A_configuration_change_sets_ISR_with_msix_as_well()
    {
        _machine.Negotiate();
        _machine.EnableMsix();
        var ring = _machine.SetUpQueue(0, 16, 0x1000);
        _machine.Status = 0xf;
        ring.AvailableIndex = 0x4000;
        ring.Notify();
        Assert.Equal(0x4f, _machine.Status);
        Assert.Equal(0xa0u, _machine.TakeMessage());
        Assert.False(_machine.Function.IsIntxAsserted);
        Assert.Equal(2ul, _machine.Read(Machine.Isr, 1));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_masked_vector_is_pending_until_unmasked(bool wholeFunction)
    {
        _machine.Negotiate();
        _machine.EnableMsix();
        if (wholeFunction) _machine.SetMsixControl(0xc000);
        else _machine.Write(Machine.Bar1 + 16 + 12, 4, 1);
        var ring = _machine.SetUpQueue(0, 16, 0x1000);
        _machine.Status = 0xf;
        ring.Send(Bytes.Attach(1, Machine.Endpoint));
        Assert.Equal(0u, _machine.TakeMessage());
        Assert.Equal(2ul, _machine.Read(PendingBits, 8));
        _machine.Write(PendingBits, 8, 0);
        Assert.Equal(2ul, _machine.Read(PendingBits, 4));

        if (wholeFunction) _machine.SetMsixControl(0x8000);
        else _machine.Write(Machine.Bar1 + 16 + 12, 4, 0);
        Assert.Equal(0xa1u, _machine.TakeMessage());
        Assert.Equal(0ul, _machine.Read(PendingBits, 8));
    }

    [Fact]
    public void A_reset_forgets_what_was_asserted()
    {
        var ring = _machine.Start().Requests;
        ring.Send(Bytes.Attach(1, Machine.Endpoint));
        Assert.True(_machine.Function.IsIntxAsserted);
        _machine.Status = 0;
        Assert.False(_machine.Function.IsIntxAsserted);
        Assert.Equal(0ul, _machine.Read(Machine.Isr, 1));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_pending_message_waits_for_bus_mastering_and_is_lost_when_msix_is_disabled(bool disabled)
    {
        _machine.Negotiate();
        _machine.EnableMsix();
        _machine.SetMsixControl(0xc000);
        var ring = _machine.SetUpQueue(0, 16, 0x1000);
        _machine.Status = 0xf;
        ring.Send(Bytes.Attach(1, Machine.Endpoint));
        _machine.Function.ConfigWrite(0x04, 2, 0x2);
        if (disabled) _machine.SetMsixControl(0);
        _machine.SetMsixControl(0x8000);
        Assert.Equal(0u, _machine.TakeMessage());
        _machine.Function.ConfigWrite(0x04, 2, 0x6);
        Assert.Equal(disabled ? 0u : 0xa1u, _machine.TakeMessage());
    }

    [Fact]
    public void A_reset_forgets_what_was_pending()
    {
        _machine.Negotiate();
        _machine.EnableMsix();
        _machine.SetMsixControl(0xc000);
        var ring = _machine.SetUpQueue(0, 16, 0x1000);
        _machine.Status = 0xf;
        ring.Send(Bytes.Attach(1, Machine.Endpoint));
        _machine.Status = 0;
        _machine.SetMsixControl(0x8000);
        Assert.Equal(0u, _machine.TakeMessage());
    }

    [Theory]
    [InlineData(2u, 2u)]
    [InlineData(3u, 0xffffu)]
    [InlineData(0xffffu, 0xffffu)]
    public void A_vector_register_reads_back_the_vector_or_NO_VECTOR(uint written, uint read)
    {
        foreach (int register in new[] { 0x10, 0x1a })
        {
            _machine.SetCommon(register, 2, written);
            Assert.Equal(read, _machine.Common(register, 2));
        }
    }

    [Fact]
    public void The_table_takes_aligned_accesses_of_four_and_eight_bytes_only()
    {
        _machine.Write(Machine.Bar1 + 4, 4, 0x11223344);
        _machine.Write(Machine.Bar1, 2, 0xffff);
        _machine.Write(Machine.Bar1 + 2, 4, 0xffffffff);
        Assert.Equal(0x11223344_00000000ul, _machine.Read(Machine.Bar1, 8));
        Assert.Equal(0ul, _machine.Read(Machine.Bar1 + 4, 2));
        Assert.Equal(0ul, _machine.Read(Machine.Bar1 + 48, 4));
        Assert.Equal(0ul, _machine.Read(Machine.Bar1 + 0xff8, 8));
    }

    [Fact]
    public void A_change_by_the_device_moves_the_generation_when_it_is_read_and_waits_for_a_resume()
    {
        var device = new ChangingDevice(_machine.Device);
        var function = new VirtioPciFunction(device, _machine.Memory, new());
        function.ConfigWrite(0x10, 4, (uint)Machine.Bar0);
        function.ConfigWrite(0x04, 2, 6);
        Set(0x08, 4, 1);
        Set(0x0c, 4, 0x801);
        Set(0x14, 1, 0xb);
        Set(0x14, 1, 0xf);
        Assert.Equal(0xful, Get(0x14, 1));

        ulong generation = Get(0x15, 1);
        for (int i = 0; i < 256; i++) device.Host!.ConfigChanged();
        Assert.Equal(2ul, Get(0x1000, 1));
        Get(0x2000, 4);
        Assert.NotEqual(generation, Get(0x15, 1));
        generation = Get(0x15, 1);
        Get(0x2000, 4);
        Assert.Equal(generation, Get(0x15, 1));

        Set(0x14, 1, 0x1f);
        device.Host!.ConfigChanged();
        Assert.Equal(0ul, Get(0x1000, 1));
        Set(0x14, 1, 0xf);
        Assert.Equal(2ul, Get(0x1000, 1));

        void Set(ulong offset, int width, ulong value) => Assert.True(function.TryMmioWrite(Machine.Bar0 + offset, width, value));

        ulong Get(ulong offset, int width)
        {
            Assert.True(function.TryMmioRead(Machine.Bar0 + offset, width, out ulong value));
            return value;
        }
    }

    /// <summary>The IOMMU never changes its configuration by itself, so a device around it has to.</summary>
    private sealed class ChangingDevice(IVirtioDevice inner) : IVirtioDevice
    {
        public IVirtioHost? Host { get; private set; }

        public ushort DeviceId => inner.DeviceId;

        public ulong DeviceTypeFeatures => inner.DeviceTypeFeatures;

        public IReadOnlyList<ushort> MaximumQueueSizes => inner.MaximumQueueSizes;

        public int ConfigLength => inner.ConfigLength;

        public int LongestRequest => inner.LongestRequest;

        public int LongestReply => inner.LongestReply;

        public void Connect(IVirtioHost host) => Host = host;

        public void ReadConfig(int offset, Span<byte> into) => inner.ReadConfig(offset, into);

        public void WriteConfig(int offset, ReadOnlySpan<byte> bytes) => inner.WriteConfig(offset, bytes);

        public void FeaturesNegotiated(ulong features) => inner.FeaturesNegotiated(features);

        public int Process(int queue, ReadOnlySpan<byte> readable, Span<byte> reply) => inner.Process(queue, readable, reply);

        public bool IsRequestQueue(int queue) => inner.IsRequestQueue(queue);

        public void Reset() => inner.Reset();

        public void SystemReset() => inner.SystemReset();
    }
}
