using Viommu.Device.Tests.Support;
using Viommu.Device.Transport.Pci;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Transport;

public class CommonConfigurationTests
{
    private readonly Machine _machine = new();

    [Fact]
    public void The_layout_has_no_gap_no_overlap_and_the_spec_s_order()
    {
        int next = 0;
        foreach (var register in CommonConfiguration.Registers)
        {
            Assert.Equal(next, register.Offset);
            next += register.Width;
        }

        Assert.Equal(0x40, next);
    }

    [Fact]
    public void Offsets_and_widths_are_those_of_the_listing()
    {
        (string Name, int Offset, int Width)[] listing =
        [
            ("device_feature_select", 0x00, 4), ("device_feature", 0x04, 4),
            ("driver_feature_select", 0x08, 4), ("driver_feature", 0x0c, 4),
            ("config_msix_vector", 0x10, 2), ("num_queues", 0x12, 2), ("device_status", 0x14, 1), ("config_generation", 0x15, 1),
            ("queue_select", 0x16, 2), ("queue_size", 0x18, 2), ("queue_msix_vector", 0x1a, 2), ("queue_enable", 0x1c, 2),
            ("queue_notify_off", 0x1e, 2),
            ("queue_desc, low half", 0x20, 4), ("queue_desc, high half", 0x24, 4),
            ("queue_driver, low half", 0x28, 4), ("queue_driver, high half", 0x2c, 4),
            ("queue_device, low half", 0x30, 4), ("queue_device, high half", 0x34, 4),
            ("queue_notif_config_data", 0x38, 2), ("queue_reset", 0x3a, 2), ("admin_queue_index", 0x3c, 2), ("admin_queue_num", 0x3e, 2),
        ];
        Assert.Equal(listing, CommonConfiguration.Registers.Select(register => (register.Name, register.Offset, register.Width)));
    }

    [Fact]
    public void Read_only_registers_ignore_writes()
    {
        foreach (var register in CommonConfiguration.Registers.Where(register => register.Write is null))
        {
            uint before = _machine.Common(register.Offset, register.Width);
            _machine.SetCommon(register.Offset, register.Width, ~before);
            Assert.Equal(before, _machine.Common(register.Offset, register.Width));
        }
    }

    [Fact]
    public void Another_width_reads_as_zero_and_writes_nothing()
    {
        foreach (var register in CommonConfiguration.Registers)
        {
            foreach (int width in new[] { 1, 2, 4 }.Where(width => width != register.Width))
            {
                _machine.SetCommon(register.Offset, width, 0x01);
                Assert.Equal(0u, _machine.Common(register.Offset, width));
            }
        }

        Assert.Equal(0, _machine.Status);
        Assert.Equal(0u, _machine.Common(0x16, 2));
    }

    [Fact]
    public void Feature_words_follow_their_selectors()
    {
        ulong offered = (1ul << 0) | (1ul << 1) | (1ul << 2) | (1ul << 4) | (1ul << 5) | (1ul << 6)
            | (1ul << 28) | (1ul << 29) | (1ul << 32) | (1ul << 40) | (1ul << 43);
        Assert.Equal(offered, _machine.OfferedFeatures());
        _machine.SetCommon(0x00, 4, 2);
        Assert.Equal(0u, _machine.Common(0x04, 4));
        _machine.SetCommon(0x00, 4, uint.MaxValue);
        Assert.Equal(0u, _machine.Common(0x04, 4));

        _machine.AcceptFeatures(0x0000_0001_0000_0004);
        Assert.Equal(1u, _machine.Common(0x0c, 4));
        _machine.SetCommon(0x08, 4, 0);
        Assert.Equal(4u, _machine.Common(0x0c, 4));
    }

    [Fact]
    public void Each_queue_has_its_own_registers()
    {
        _machine.SetCommon(0x16, 2, 1);
        Assert.Equal(8u, _machine.Common(0x18, 2));
        Assert.Equal(1u, _machine.Common(0x1e, 2));
        Assert.Equal(1u, _machine.Common(0x38, 2));
        _machine.SetCommon(0x20, 4, 0x1000);
        _machine.SetCommon(0x24, 4, 0x2);
        Assert.Equal(0x2_0000_1000ul, _machine.Read(Machine.Bar0 + 0x20, 8));
        _machine.SetCommon(0x16, 2, 0);
        Assert.Equal(16u, _machine.Common(0x18, 2));
        Assert.Equal(0ul, _machine.Read(Machine.Bar0 + 0x20, 8));
    }

    [Theory]
    [InlineData(8, 8)]
    [InlineData(1, 1)]
    [InlineData(32, 16)]
    [InlineData(3, 16)]
    [InlineData(0, 16)]
    public void Queue_size_can_only_be_reduced_to_a_power_of_two(uint written, uint read)
    {
        _machine.SetCommon(0x18, 2, written);
        Assert.Equal(read, _machine.Common(0x18, 2));
    }

    [Fact]
    public void A_queue_that_does_not_exist_has_size_0_and_cannot_be_set_up()
    {
        _machine.SetCommon(0x16, 2, 2);
        _machine.SetCommon(0x18, 2, 16);
        _machine.SetCommon(0x1a, 2, 0);
        _machine.SetCommon(0x1c, 2, 1);
        _machine.SetCommon(0x20, 8, 0x1000);
        Assert.Equal(0u, _machine.Common(0x18, 2));
        Assert.Equal(0xffffu, _machine.Common(0x1a, 2));
        Assert.Equal(0u, _machine.Common(0x1c, 2));
        Assert.Equal(0ul, _machine.Read(Machine.Bar0 + 0x20, 8));
    }

    [Fact]
    public void An_enabled_queue_stays_enabled_and_keeps_its_configuration()
    {
        _machine.Negotiate();
        _machine.SetUpQueue(0, 16, 0x1000);
        _machine.SetCommon(0x1c, 2, 0);
        _machine.SetCommon(0x18, 2, 4);
        _machine.SetCommon(0x20, 8, 0x9000);
        Assert.Equal(1u, _machine.Common(0x1c, 2));
        Assert.Equal(16u, _machine.Common(0x18, 2));
        Assert.Equal(0x1000ul, _machine.Read(Machine.Bar0 + 0x20, 8));
    }

    [Fact]
    public void Queue_reset_puts_everything_back_and_allows_other_values()
    {
        var (requests, _) = _machine.Start();
        _machine.EnableMsix();
        requests.Send(Bytes.Attach(1, Machine.Endpoint));
        requests.Send(Bytes.Attach(1, Machine.Endpoint));
        _machine.SetCommon(0x16, 2, 0);
        Assert.Equal(1u, _machine.Common(0x1a, 2));
        _machine.SetCommon(0x3a, 2, 1);
        Assert.Equal(0u, _machine.Common(0x3a, 2));
        Assert.Equal(0u, _machine.Common(0x1c, 2));
        Assert.Equal(16u, _machine.Common(0x18, 2));
        Assert.Equal(0xffffu, _machine.Common(0x1a, 2));
        Assert.Equal(0ul, _machine.Read(Machine.Bar0 + 0x20, 8));

        requests.OfferAndNotify();
        Assert.Equal(2, requests.UsedIndex);

        var again = _machine.SetUpQueue(0, 4, 0x5000);
        Assert.Equal(Bytes.Ok, again.Send(Bytes.Map(1, 0, 0xfff, 0)));
        Assert.Equal(1, again.UsedIndex);
        Assert.Equal(2, requests.UsedIndex);
    }

    [Fact]
    public void Queue_reset_is_ignored_unless_negotiated()
    {
        _machine.Start(without: VirtioFeatures.RingReset);
        _machine.SetCommon(0x16, 2, 0);
        _machine.SetCommon(0x3a, 2, 1);
        Assert.Equal(1u, _machine.Common(0x1c, 2));
    }
}
