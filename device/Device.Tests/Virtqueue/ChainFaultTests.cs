using Viommu.Device.Tests.Support;
using Viommu.Device.Virtqueue;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Virtqueue;

/// <summary>Each way to break a ring: the device names it, needs a reset, tells the driver, and touches nothing else.</summary>
public class ChainFaultTests
{
    private const ulong Nowhere = 0x4000_0000;

    private readonly Machine _machine = new();
    private Ring _ring = null!;

    private void Start(VirtioFeatures without = VirtioFeatures.None)
    {
        _ring = _machine.Start(without).Requests;
        _ring.Fill(Bytes.Attach(1, Machine.Endpoint));
        // One valid chain, of which each test spoils one thing.
        _ring.Describe(0, _ring.Request, 20, Ring.Next, 1);
        _ring.Describe(1, _ring.Reply, 4, Ring.Writable);
    }

    private void FaultsAs(ChainFault fault, ushort head = 0)
    {
        _ring.OfferAndNotify(head);
        Expect(fault);
    }

    private void Expect(ChainFault fault)
    {
        Assert.Equal(fault, _machine.Function.LastFault);
        Assert.Equal(0x4f, _machine.Status);
        Assert.Equal(2ul, _machine.Read(Machine.Isr, 1));
        Assert.Equal(0, _ring.UsedIndex);
        Assert.Equal([.. Enumerable.Repeat(Ring.Poison, 4)], _ring.ReplyBytes(4));
        // Nothing is done until the reset, and everything after it.
        _machine.SetCommon(0x16, 2, 0);
        _ring.Notify();
        Assert.Equal(0, _ring.UsedIndex);
        _machine.Memory.Write(new(_ring.Used), new byte[4]);
        Assert.Equal(Bytes.Ok, _machine.Start().Requests.Send(Bytes.Attach(1, Machine.Endpoint)));
        Assert.Equal(ChainFault.None, _machine.Function.LastFault);
    }

    [Fact]
    public void Head_outside_the_table()
    {
        Start();
        FaultsAs(ChainFault.IndexOutOfRange, head: 16);
    }

    [Fact]
    public void Next_outside_the_table()
    {
        Start();
        _ring.Describe(0, _ring.Request, 20, Ring.Next, 16);
        FaultsAs(ChainFault.IndexOutOfRange);
    }

    [Fact]
    public void Next_outside_an_indirect_table()
    {
        Start();
        _ring.Describe(0, _ring.IndirectTable, 16, Ring.Indirect);
        _ring.Describe(0, _ring.Request, 20, Ring.Next, 1, _ring.IndirectTable);
        FaultsAs(ChainFault.IndexOutOfRange);
    }

    [Fact]
    public void A_loop()
    {
        Start();
        _ring.Describe(0, _ring.Request, 20, Ring.Next, 0);
        FaultsAs(ChainFault.TooLong);
    }

    [Fact]
    public void An_indirect_table_longer_than_the_queue()
    {
        Start();
        _ring.Describe(0, _ring.IndirectTable, 17 * 16, Ring.Indirect);
        for (ushort i = 0; i < 16; i++) _ring.Describe(i, _ring.Request, 1, Ring.Next, (ushort)(i + 1), _ring.IndirectTable);
        _ring.Describe(16, _ring.Reply, 4, Ring.Writable, 0, _ring.IndirectTable);
        FaultsAs(ChainFault.TooLong);
    }

    [Fact]
    public void More_than_2_to_the_32_bytes()
    {
        Start();
        _ring.Describe(0, 0, uint.MaxValue, Ring.Next, 1);
        FaultsAs(ChainFault.TooManyBytes);
    }

    [Fact]
    public void An_indirect_table_that_is_not_memory()
    {
        Start();
        _ring.Describe(0, Nowhere, 32, Ring.Indirect);
        FaultsAs(ChainFault.TableUnreadable);
    }

    [Theory]
    [InlineData(ulong.MaxValue, 2u)]
    [InlineData(ulong.MaxValue - 18, 20u)]
    public void A_buffer_that_wraps(ulong address, uint length)
    {
        Start();
        _ring.Describe(0, address, length, Ring.Next, 1);
        FaultsAs(ChainFault.AddressWraps);
    }

    [Fact]
    public void A_buffer_that_ends_with_the_address_space_does_not_wrap_but_is_not_memory()
    {
        Start();
        _ring.Describe(0, ulong.MaxValue - 19, 20, Ring.Next, 1);
        FaultsAs(ChainFault.BufferUnreachable);
    }

    [Fact]
    public void A_table_that_wraps()
    {
        Start();
        _ring.Describe(0, ulong.MaxValue - 7, 32, Ring.Indirect);
        FaultsAs(ChainFault.TableUnreadable);
    }

    [Fact]
    public void A_readable_buffer_behind_a_writable_one()
    {
        Start();
        _ring.Describe(0, _ring.Reply, 4, Ring.Next | Ring.Writable, 1);
        _ring.Describe(1, _ring.Request, 20);
        FaultsAs(ChainFault.ReadableAfterWritable);
    }

    [Fact]
    public void An_indirect_table_without_the_feature()
    {
        Start(without: VirtioFeatures.IndirectDescriptors);
        _ring.Describe(0, _ring.IndirectTable, 32, Ring.Indirect);
        FaultsAs(ChainFault.IndirectNotNegotiated);
    }

    [Fact]
    public void An_indirect_table_inside_another()
    {
        Start();
        _ring.Describe(0, _ring.IndirectTable, 16, Ring.Indirect);
        _ring.Describe(0, _ring.IndirectTable, 16, Ring.Indirect, 0, _ring.IndirectTable);
        FaultsAs(ChainFault.IndirectNested);
    }

    [Fact]
    public void An_indirect_table_followed_by_another_descriptor()
    {
        Start();
        _ring.Describe(0, _ring.IndirectTable, 16, Ring.Indirect | Ring.Next, 1);
        FaultsAs(ChainFault.IndirectWithNext);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(15u)]
    [InlineData(33u)]
    public void An_indirect_table_of_an_odd_size(uint length)
    {
        Start();
        _ring.Describe(0, _ring.IndirectTable, length, Ring.Indirect);
        FaultsAs(ChainFault.IndirectTableSize);
    }

    [Fact]
    public void A_readable_buffer_that_is_not_memory()
    {
        Start();
        _ring.Describe(0, Nowhere, 20, Ring.Next, 1);
        FaultsAs(ChainFault.BufferUnreachable);
    }

    [Fact]
    public void A_writable_buffer_that_is_not_memory()
    {
        Start();
        _ring.Describe(1, Nowhere, 4, Ring.Writable);
        FaultsAs(ChainFault.BufferUnreachable);
    }

    [Theory]
    [InlineData(17)]
    [InlineData(0xffff)]
    public void An_available_index_that_jumps(ushort index)
    {
        Start();
        _ring.AvailableIndex = index;
        _ring.Notify();
        Expect(ChainFault.AvailableIndexJump);
    }

    [Theory]
    [InlineData(0x20, ChainFault.TableUnreadable)]
    [InlineData(0x28, ChainFault.AvailableRingUnreadable)]
    [InlineData(0x30, ChainFault.UsedRingUnwritable)]
    public void A_ring_part_that_is_not_memory(int register, ChainFault fault)
    {
        _machine.Negotiate();
        _ring = new(_machine, 0, 16, 0x1000);
        _ring.Fill(new byte[20]);
        _ring.Describe(0, _ring.Request, 20);
        _machine.SetCommon(0x20, 8, _ring.Descriptors);
        _machine.SetCommon(0x28, 8, _ring.Available);
        _machine.SetCommon(0x30, 8, _ring.Used);
        _machine.SetCommon(register, 8, Nowhere);
        _machine.SetCommon(0x1c, 2, 1);
        _machine.Status = 0xf;
        FaultsAs(fault);
    }

    [Fact]
    public void A_driver_that_makes_chains_available_without_end_runs_out_of_descriptors()
    {
        Start();
        // Another processor adds a chain whenever the device has looked.
        _machine.DeviceView.AfterRead = (address, _) =>
        {
            if (address == _ring.Available + 2) _ring.AvailableIndex++;
        };
        _ring.OfferAndNotify();
        Assert.Equal(ChainFault.AvailableIndexJump, _machine.Function.LastFault);
        Assert.Equal(16, _ring.UsedIndex);
        Assert.Equal(0x4f, _machine.Status);
    }

    [Fact]
    public void An_available_index_that_goes_back()
    {
        Start();
        foreach (ushort index in new ushort[] { 3, 2 })
        {
            _ring.AvailableIndex = index;
            _ring.Notify();
        }

        Assert.Equal(ChainFault.AvailableIndexJump, _machine.Function.LastFault);
        Assert.Equal(3, _ring.UsedIndex);
    }

    [Fact]
    public void An_available_index_that_goes_back_within_a_batch()
    {
        Start();
        _ring.AvailableIndex = 3;
        _machine.DeviceView.AfterRead = (address, _) =>
        {
            if (address == _ring.Available + 2) _ring.AvailableIndex = 2;
        };
        _ring.Notify();
        Assert.Equal(ChainFault.AvailableIndexJump, _machine.Function.LastFault);
        Assert.Equal(3, _ring.UsedIndex);
    }
}
