using Viommu.Device.Tests.Support;
using Viommu.Device.Transport.Pci;

namespace Viommu.Device.Tests.Transport;

/// <summary>Sections 4.1.2.3 and 4.1.4.10: the legacy header beside the structures of the specification.</summary>
public class TransitionalPciTests
{
    private const uint Endpoint = Machine.Endpoint;

    private readonly LegacyPciMachine _machine = new();

    private VirtioPciFunction Function => _machine.Pci.Function;

    [Fact]
    public void The_header_is_that_of_the_spec()
    {
        (string, int, int, bool)[] header =
        [
            ("Device Features bits 0:31", 0, 4, false), ("Driver Features bits 0:31", 4, 4, true), ("Queue Address", 8, 4, true),
            ("queue_size", 12, 2, false), ("queue_select", 14, 2, true), ("Queue Notify", 16, 2, true),
            ("Device Status", 18, 1, true), ("ISR Status", 19, 1, false),
        ];
        (string, int, int, bool)[] msix = [("config_msix_vector", 20, 2, true), ("queue_msix_vector", 22, 2, true)];
        Assert.Equal(header, LegacyHeader.Registers.Select(r => (r.Name, r.Offset, r.Width, r.Write is not null)));
        Assert.Equal(msix, LegacyHeader.MsixRegisters.Select(r => (r.Name, r.Offset, r.Width, r.Write is not null)));
    }

    [Fact]
    public void Identity_is_that_of_a_transitional_device_of_type_23()
    {
        Assert.Equal(0x1017_1af4u, Function.ConfigRead(0x00, 4));
        Assert.Equal(0x1017, Function.DeviceId);
        Assert.Equal(0u, Function.ConfigRead(0x08, 1));
        Assert.Equal(23u, Function.ConfigRead(0x2e, 2));
    }

    [Theory]
    [InlineData(0x10, 0xffff_ffc1u)]
    [InlineData(0x14, 0xffff_f000u)]
    [InlineData(0x18, 0xffff_c000u)]
    public void Writing_ones_to_a_BAR_reads_back_its_size_and_space(int register, uint mask)
    {
        Function.ConfigWrite(register, 4, uint.MaxValue);
        Assert.Equal(mask, Function.ConfigRead(register, 4));
    }

    [Fact]
    public void The_IO_BAR_decodes_only_where_placed_and_while_IO_space_is_enabled()
    {
        Assert.True(Function.TryIoRead(LegacyPciMachine.Port + 63, 1, out _));
        Assert.False(Function.TryIoRead(LegacyPciMachine.Port + 63, 2, out _));
        Assert.False(Function.TryIoRead(LegacyPciMachine.Port + 64, 1, out _));
        Assert.False(Function.TryIoRead(LegacyPciMachine.Port - 1, 1, out _));
        Assert.False(Function.TryMmioRead(LegacyPciMachine.Port, 4, out _));
        Function.ConfigWrite(0x04, 2, 0x6);
        Assert.False(Function.TryIoRead(LegacyPciMachine.Port, 4, out _));
        Assert.False(Function.TryIoWrite(LegacyPciMachine.Port, 4, 0));
        Function.ConfigWrite(0x04, 2, 0x7);
        Function.ConfigWrite(0x10, 4, 0);
        Assert.False(Function.TryIoRead(0, 4, out _));
    }

    [Fact]
    public void A_function_that_is_not_transitional_has_no_IO_space()
    {
        var function = new Machine().Function;
        function.ConfigWrite(0x04, 2, 0x7);
        Assert.Equal(6u, function.ConfigRead(0x04, 2));
        Assert.False(function.TryIoRead(0, 1, out _));
        Assert.False(function.TryIoWrite(0, 1, 0));
    }

    [Fact]
    public void A_device_set_up_by_the_book_answers_through_either_interface()
    {
        Assert.Equal(Bytes.Ok, _machine.Start().Requests.Send(Bytes.Attach(1, Endpoint)));
        _machine.Status = 0;
        _machine.Memory.Write(new(0x1000), new byte[0x2000]);
        Assert.Equal(Bytes.Ok, _machine.Pci.Start().Requests.Send(Bytes.Attach(1, Endpoint)));
        _machine.Status = 0;
        Assert.Equal(0, _machine.Pci.Status);
        _machine.Memory.Write(new(0x1000), new byte[0x4000]);
        Assert.Equal(Bytes.Ok, _machine.Start().Requests.Send(Bytes.Attach(1, Endpoint)));
    }

    [Fact]
    public void Capabilities_point_at_BAR_2()
    {
        int structures = 0;
        for (int offset = (int)Function.ConfigRead(0x34, 1); offset != 0; offset = (int)Function.ConfigRead(offset + 1, 1))
        {
            if (Function.ConfigRead(offset, 1) != 0x09 || Function.ConfigRead(offset + 3, 1) > 4) continue;
            Assert.Equal(2u, Function.ConfigRead(offset + 4, 1));
            structures++;
        }

        Assert.Equal(4, structures);
    }

    [Theory]
    [InlineData(0, 0u)]
    [InlineData(2, 3u)]
    public void The_configuration_access_window_opens_on_BAR_2_alone(uint bar, uint status)
    {
        _machine.Pci.Status = 3;
        int window = (int)Function.ConfigRead(0x34, 1);
        while (Function.ConfigRead(window + 3, 1) != 5) window = (int)Function.ConfigRead(window + 1, 1);
        Function.ConfigWrite(window + 4, 1, bar);
        Function.ConfigWrite(window + 8, 4, 0x14);
        Function.ConfigWrite(window + 12, 4, 1);
        Assert.Equal(status, Function.ConfigRead(window + 16, 1));
    }

    [Fact]
    public void Feature_bits_are_the_low_ones_with_ANY_LAYOUT_which_the_other_interface_does_not_offer()
    {
        Assert.Equal(0x3800_0077u, _machine.In(0x00, 4));
        Assert.Equal(0x0000_0901_3000_0077ul, _machine.Pci.OfferedFeatures());
        _machine.Out(0x04, 4, 0x0800_0004);
        Assert.Equal(0x0800_0004u, _machine.In(0x04, 4));
    }

    [Fact]
    public void Bits_above_31_are_not_accepted_also_after_the_other_interface_wrote_them()
    {
        _machine.Pci.Status = 3;
        _machine.Pci.AcceptFeatures(0x0000_0901_0000_0004);
        _machine.Out(0x0e, 2, 0);
        Assert.Equal(0u, _machine.In(0x04, 4));
        _machine.Out(0x04, 4, 4);
        _machine.Pci.Status = 0xb;
        Assert.Equal(3, _machine.Pci.Status);
        _machine.Pci.AcceptFeatures(0x0000_0901_0000_0004);
        _machine.Pci.Status = 0xb;
        Assert.Equal(3, _machine.Pci.Status);
    }

    [Fact]
    public void Once_FEATURES_OK_is_set_the_legacy_header_can_only_reset()
    {
        var ring = _machine.Pci.Start().Requests;
        _machine.Out(0x04, 4, 0);
        _machine.Out(0x0e, 2, 1);
        _machine.Out(0x08, 4, 0);
        _machine.Out(0x12, 1, 0x80);
        _machine.WriteConfig(36, 1, 0);
        Assert.Equal(0xf, _machine.Status);
        Assert.Equal(1ul, _machine.ReadConfig(36, 1));
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, Endpoint)));
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Map(1, 0, 0xfff, 0)));
        _machine.Status = 0;
        Assert.Equal(0, _machine.Pci.Status);
    }

    [Fact]
    public void Requests_are_served_before_DRIVER_OK()
    {
        _machine.Out(0x04, 4, 4);
        var ring = _machine.SetUpQueue(0, 16, 1);
        Assert.Equal(Bytes.Ok, ring.Send(Bytes.Attach(1, Endpoint)));
        Assert.Equal(0, _machine.Status);
    }

    [Fact]
    public void Reading_the_ISR_status_resets_it_and_INTx()
    {
        _machine.Start().Requests.Send(Bytes.Attach(1, Endpoint));
        Assert.True(Function.IsIntxAsserted);
        Assert.Equal(1u, _machine.In(0x13, 1));
        Assert.Equal(0u, _machine.In(0x13, 1));
        Assert.False(Function.IsIntxAsserted);
    }

    [Fact]
    public void Msix_moves_the_configuration_from_20_to_24_and_back()
    {
        var before = Enumerable.Range(0, 40).Select(i => _machine.In(20 + i, 1)).ToArray();
        Assert.Equal(0u, _machine.In(60, 4));
        _machine.Pci.SetMsixControl(0x8000);
        Assert.Equal(before, Enumerable.Range(0, 40).Select(i => _machine.In(24 + i, 1)));
        Assert.Equal(0xffffu, _machine.In(20, 2));
        Assert.Equal(0xffffu, _machine.In(22, 2));
        _machine.Pci.SetMsixControl(0);
        Assert.Equal(before, Enumerable.Range(0, 40).Select(i => _machine.In(20 + i, 1)));
    }

    [Fact]
    public void Msix_vectors_can_be_set_through_the_legacy_header()
    {
        var ring = _machine.Start().Requests;
        _machine.Pci.EnableMsix();
        _machine.Out(0x0e, 2, 0);
        _machine.Out(0x16, 2, 2);
        Assert.Equal(2u, _machine.In(0x16, 2));
        _machine.Out(0x14, 2, 7);
        Assert.Equal(0xffffu, _machine.In(0x14, 2));
        ring.Send(Bytes.Attach(1, Endpoint));
        Assert.Equal(0xa2u, _machine.Pci.TakeMessage());
        Assert.Equal(0u, _machine.In(0x13, 1));
    }

    [Fact]
    public void Configuration_reads_and_writes_the_same_with_every_width()
    {
        var bytes = Enumerable.Range(0, 40).Select(i => (byte)_machine.In(20 + i, 1)).ToArray();
        for (int offset = 0; offset + 4 <= 40; offset++)
        {
            Assert.Equal(BitConverter.ToUInt16(bytes, offset), _machine.In(20 + offset, 2));
            Assert.Equal(BitConverter.ToUInt32(bytes, offset), _machine.In(20 + offset, 4));
        }

        foreach (int width in new[] { 1, 2, 4 })
        {
            _machine.WriteConfig(36, width, 0);
            Assert.Equal(0ul, _machine.ReadConfig(36, 1));
            _machine.WriteConfig(36, width, 1);
            Assert.Equal(1ul, _machine.ReadConfig(36, 1));
        }
    }

    [Fact]
    public void Another_width_reads_as_zero_and_writes_nothing()
    {
        foreach (var register in LegacyHeader.Registers)
        {
            foreach (int width in new[] { 0, 1, 2, 3, 4, 8 }.Where(width => width != register.Width))
            {
                _machine.Out(register.Offset, width, 1);
                Assert.Equal(0u, _machine.In(register.Offset, width));
            }
        }

        Assert.Equal(0, _machine.Status);
        Assert.Equal(0u, _machine.In(0x08, 4));
    }

    [Fact]
    public void Bits_beyond_the_width_of_a_write_do_not_count()
    {
        var ring = _machine.Start().Requests;
        ring.Fill(Bytes.Attach(1, Endpoint));
        ring.Describe(0, ring.Request, 20, Ring.Next, 1);
        ring.Describe(1, ring.Reply, 4, Ring.Writable);
        ring.Offer(0);
        _machine.Out(0x10, 2, 0xffff_0000);
        Assert.Equal(1, ring.UsedIndex);
    }

    [Fact]
    public void A_queue_that_does_not_exist_has_size_0_and_no_page()
    {
        _machine.Out(0x0e, 2, 2);
        Assert.Equal(0u, _machine.In(0x0c, 2));
        _machine.Out(0x08, 4, 1);
        Assert.Equal(0u, _machine.In(0x08, 4));
        _machine.Out(0x10, 2, 0xffff);
        Assert.Equal(0, _machine.Status);
    }

    [Fact]
    public void The_other_interface_shows_where_a_legacy_driver_put_its_queue()
    {
        _machine.SetUpQueue(0, 16, 3);
        Assert.Equal(0x3000ul, _machine.Pci.Read(Machine.Bar0 + 0x20, 8));
        Assert.Equal(0x3100ul, _machine.Pci.Read(Machine.Bar0 + 0x28, 8));
        Assert.Equal(0x4000ul, _machine.Pci.Read(Machine.Bar0 + 0x30, 8));
    }

    [Fact]
    public void Without_bus_mastering_nothing_is_served()
    {
        var ring = _machine.Start().Requests;
        Function.ConfigWrite(0x04, 2, 0x3);
        ring.Fill(Bytes.Attach(1, Endpoint));
        ring.Describe(0, ring.Request, 20, Ring.Next, 1);
        ring.Describe(1, ring.Reply, 4, Ring.Writable);
        ring.OfferAndNotify();
        Assert.Equal(0, ring.UsedIndex);
        Function.ConfigWrite(0x04, 2, 0x7);
        Assert.Equal(1, ring.UsedIndex);
    }
}
