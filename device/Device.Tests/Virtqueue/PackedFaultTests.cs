using Viommu.Device.Tests.Support;
using Viommu.Device.Virtqueue;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Virtqueue;

/// <summary>Each way to break a packed ring: the device names it, needs a reset, tells the driver, and touches nothing else.</summary>
public class PackedFaultTests
{
    private const ulong Nowhere = 0x4000_0000;

    private readonly Machine _machine = Machine.WithPackedRings();
    private PackedRing _ring = null!;
    private PackedRing _events = null!;

    private Element Request => new(_ring.Request, 20);

    private Element Reply => new(_ring.Reply, 4, Ring.Writable);

    private void Start(VirtioFeatures without = VirtioFeatures.None)
    {
        (_ring, _events) = _machine.StartPacked(without);
        _ring.Fill(Bytes.Attach(1, Machine.Endpoint));
        _events.Offer(1, new Element(_events.Reply, 32, Ring.Writable));
    }

    private void FaultsAs(ChainFault fault, params Element[] list)
    {
        if (list.Length > 0) _ring.Offer(1, list);
        byte[] before = _machine.Memory.Read(new(_ring.Descriptors), 16 * _ring.Size);
        byte[] events = _machine.Memory.Read(new(_events.Descriptors), 16 * _events.Size);
        _ring.Notify();
        Assert.Equal(fault, _machine.Function.LastFault);
        Assert.Equal(0x4f, _machine.Status);
        Assert.Equal(2ul, _machine.Read(Machine.Isr, 1));
        Assert.Equal(before, _machine.Memory.Read(new(_ring.Descriptors), 16 * _ring.Size));
        Assert.Equal(events, _machine.Memory.Read(new(_events.Descriptors), 16 * _events.Size));
        Assert.Equal([.. Enumerable.Repeat(Ring.Poison, 4)], _ring.ReplyBytes(4));
        StartsAgain();
    }

    // Nothing is done until the reset, and everything after it.
    private void StartsAgain()
    {
        byte[] before = _machine.Memory.Read(new(_ring.Descriptors), 16 * _ring.Size);
        _ring.Notify();
        Assert.Equal(before, _machine.Memory.Read(new(_ring.Descriptors), 16 * _ring.Size));
        Assert.Equal(Bytes.Ok, _machine.StartPacked().Requests.Send(Bytes.Attach(1, Machine.Endpoint)));
        Assert.Equal(ChainFault.None, _machine.Function.LastFault);
    }

    [Theory]
    [InlineData(0x0000)]
    [InlineData(0x8000)]
    [InlineData(0x8080)]
    public void A_list_that_goes_on_where_nothing_is_available(ushort flags)
    {
        Start();
        _ring.Offer(1, Request, Reply);
        _ring.Describe(1, _ring.Reply, 4, 1, (ushort)(Ring.Writable | flags));
        FaultsAs(ChainFault.NextNotAvailable);
    }

    [Fact]
    public void A_list_that_runs_into_the_next_round()
    {
        Start();
        _ring.Send(Bytes.Detach(1, Machine.Endpoint));
        _machine.Read(Machine.Isr, 1);
        _ring.Fill(Bytes.Attach(1, Machine.Endpoint));
        for (int i = 0; i < 14; i++) _ring.Offer(1, new Element(_ring.Request, 1, Ring.Next));
        FaultsAs(ChainFault.NextNotAvailable);
    }

    [Fact]
    public void A_list_without_an_end()
    {
        Start();
        FaultsAs(ChainFault.TooLong, [.. Enumerable.Repeat(Request with { Flags = Ring.Next }, 16)]);
    }

    [Fact]
    public void An_indirect_table_longer_than_the_queue()
    {
        Start();
        for (int i = 0; i < 17; i++) _ring.Describe(i, _ring.Request, 1, 0, 0, _ring.IndirectTable);
        FaultsAs(ChainFault.TooLong, new Element(_ring.IndirectTable, 17 * 16, Ring.Indirect));
    }

    [Theory]
    [InlineData(ulong.MaxValue, 2u)]
    [InlineData(ulong.MaxValue - 18, 20u)]
    public void A_buffer_that_wraps(ulong address, uint length)
    {
        Start();
        FaultsAs(ChainFault.AddressWraps, new(address, length), Reply);
    }

    [Fact]
    public void A_readable_buffer_behind_a_writable_one()
    {
        Start();
        FaultsAs(ChainFault.ReadableAfterWritable, Reply, Request);
    }

    [Fact]
    public void A_readable_buffer_behind_a_writable_one_in_a_table()
    {
        Start();
        _ring.Describe(0, _ring.Reply, 4, 0, Ring.Writable, _ring.IndirectTable);
        _ring.Describe(1, _ring.Request, 20, 0, 0, _ring.IndirectTable);
        FaultsAs(ChainFault.ReadableAfterWritable, new Element(_ring.IndirectTable, 32, Ring.Indirect));
    }

    [Fact]
    public void An_indirect_table_without_the_feature()
    {
        Start(without: VirtioFeatures.IndirectDescriptors);
        FaultsAs(ChainFault.IndirectNotNegotiated, new Element(_ring.IndirectTable, 32, Ring.Indirect));
    }

    [Fact]
    public void An_indirect_table_at_the_start_of_a_list()
    {
        Start();
        FaultsAs(ChainFault.IndirectWithNext, new(_ring.IndirectTable, 32, Ring.Indirect), Reply);
    }

    [Fact]
    public void An_indirect_table_at_the_end_of_a_list()
    {
        Start();
        FaultsAs(ChainFault.IndirectWithNext, Request, new(_ring.IndirectTable, 32, Ring.Indirect));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(15u)]
    [InlineData(33u)]
    public void An_indirect_table_of_an_odd_size(uint length)
    {
        Start();
        FaultsAs(ChainFault.IndirectTableSize, new Element(_ring.IndirectTable, length, Ring.Indirect));
    }

    [Theory]
    [InlineData(Nowhere)]
    [InlineData(ulong.MaxValue - 7)]
    public void An_indirect_table_that_is_not_memory(ulong address)
    {
        Start();
        FaultsAs(ChainFault.TableUnreadable, new Element(address, 32, Ring.Indirect));
    }

    [Fact]
    public void An_indirect_table_that_leaves_the_address_space()
    {
        Start();
        FaultsAs(ChainFault.TableUnreadable, new Element(ulong.MaxValue - 15, 32, Ring.Indirect));
    }

    [Fact]
    public void A_readable_buffer_that_is_not_memory()
    {
        Start();
        FaultsAs(ChainFault.BufferUnreachable, new(Nowhere, 20), Reply);
    }

    [Fact]
    public void A_writable_buffer_that_is_not_memory()
    {
        Start();
        FaultsAs(ChainFault.BufferUnreachable, Request, new(Nowhere, 4, Ring.Writable));
    }

    [Theory]
    [InlineData(0x20, Nowhere, ChainFault.TableUnreadable)]
    [InlineData(0x20, ulong.MaxValue - 15, ChainFault.TableUnreadable)]
    [InlineData(0x28, Nowhere, ChainFault.DriverEventUnreadable)]
    [InlineData(0x30, Nowhere, ChainFault.DeviceEventUnwritable)]
    public void A_ring_part_that_is_not_memory(int register, ulong address, ChainFault fault)
    {
        _machine.Negotiate();
        _ring = _machine.SetUpPackedQueue(0, 16, 0x1000);
        _machine.SetCommon(0x3a, 2, 1);
        _machine.SetCommon(0x20, 8, _ring.Descriptors);
        _machine.SetCommon(0x28, 8, _ring.DriverEvent);
        _machine.SetCommon(0x30, 8, _ring.DeviceEvent);
        _machine.SetCommon(register, 8, address);
        _machine.SetCommon(0x1c, 2, 1);
        _machine.Status = 0xf;
        _ring.Fill(new byte[20]);
        _ring.OfferRequest(1, 20);
        _ring.Notify();
        Assert.Equal(fault, _machine.Function.LastFault);
        Assert.Equal(0x4f, _machine.Status);
        StartsAgain();
    }

    [Fact]
    public void A_descriptor_ring_that_cannot_be_written()
    {
        Start();
        _machine.DeviceView.CanWrite = address => address < _ring.Descriptors || address >= _ring.DriverEvent;
        _ring.OfferRequest(1, 20);
        _ring.Notify();
        Assert.Equal(ChainFault.DescriptorRingUnwritable, _machine.Function.LastFault);
        _machine.DeviceView.CanWrite = _ => true;
        StartsAgain();
    }

    [Fact]
    public void What_was_done_before_the_fault_is_used()
    {
        Start();
        int done = _ring.OfferRequest(1, 20);
        int broken = _ring.Offer(2, Reply, Request);
        _ring.Notify();
        Assert.Equal(ChainFault.ReadableAfterWritable, _machine.Function.LastFault);
        Assert.Equal(3ul, _machine.Read(Machine.Isr, 1));
        Assert.Equal(((ushort)1, 4u, PackedRing.UsedFlags(true, Ring.Writable)), _ring.UsedAt(done));
        Assert.Equal(PackedRing.Available, _ring.UsedAt(broken).Flags & (PackedRing.Available | PackedRing.Used));
        StartsAgain();
    }

    [Fact]
    public void A_driver_that_makes_descriptors_available_again_before_they_are_used_gets_no_second_round()
    {
        Start();
        for (int i = 0; i < 8; i++) _ring.OfferRequest((ushort)i, 20);
        // Another processor turns the whole ring over as soon as the last list was read.
        _machine.DeviceView.AfterRead = (address, _) =>
        {
            if (address != _ring.Descriptors + (16 * 15)) return;
            for (int i = 0; i < 8; i++) _ring.OfferRequest((ushort)i, 20);
        };
        _ring.Notify();
        Assert.Equal(ChainFault.AvailableBeforeUsed, _machine.Function.LastFault);
        StartsAgain();
    }

    [Fact]
    public void A_list_that_goes_on_into_descriptors_that_are_not_used_yet()
    {
        Start();
        _ring.OfferRequest(1, 20);
        // From slot 2 round to slot 0, which another processor makes available for the second time.
        _ring.Offer(2, [.. Enumerable.Repeat(Request with { Length = 1 }, 16)]);
        _ring.Describe(0, _ring.Request, 20, 0, PackedRing.Available | Ring.Next);
        _ring.Describe(1, _ring.Reply, 4, 1, PackedRing.Available | Ring.Writable);
        _machine.DeviceView.AfterRead = (address, _) =>
        {
            if (address == _ring.Descriptors + (16 * 15)) _ring.Describe(0, _ring.Request, 1, 0, PackedRing.Used | Ring.Next);
        };
        _ring.Notify();
        Assert.Equal(ChainFault.AvailableBeforeUsed, _machine.Function.LastFault);
        _machine.DeviceView.AfterRead = (_, _) => { };
        StartsAgain();
    }

    [Fact]
    public void No_byte_of_a_descriptor_is_read_twice()
    {
        Start();
        _ring.Describe(0, _ring.Request, 20, 0, 0, _ring.IndirectTable);
        _ring.Describe(1, _ring.Reply, 4, 0, Ring.Writable, _ring.IndirectTable);
        _ring.OfferRequest(1, 20);
        _ring.Offer(2, new Element(_ring.IndirectTable, 32, Ring.Indirect));
        var reads = new List<ulong>();
        _machine.DeviceView.AfterRead = (address, length) =>
        {
            for (int i = 0; i < length; i++) reads.Add(address + (ulong)i);
        };
        _ring.Notify();
        ulong taken = _ring.Descriptors + (3 * 16);
        var descriptors = reads.Where(read => (read >= _ring.Descriptors && read < taken) || read >= _ring.IndirectTable).ToList();
        Assert.Equal(5 * 16, descriptors.Count);
        Assert.Equal(descriptors.Distinct().Count(), descriptors.Count);
        Assert.Equal(0xf, _machine.Status);
    }
}
