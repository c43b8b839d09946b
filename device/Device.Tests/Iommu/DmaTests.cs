using Viommu.Device.Iommu;
using Viommu.Device.Tests.Support;
using Viommu.Device.Wire;
using Machine = Viommu.Device.Tests.Support.Iommu;

namespace Viommu.Device.Tests.Iommu;

public class DmaTests
{
    private const ulong Top = ulong.MaxValue;

    [Fact]
    public void An_access_spans_mappings_that_go_to_different_places()
    {
        var iommu = new Machine(options => options with { PageSizeMask = 1 })
            .Given(Bytes.Attach(1, Machine.Endpoint))
            .Given(Bytes.Map(1, 0x100, 0x101, 0x2000))
            .Given(Bytes.Map(1, 0x102, 0x103, 0x3000));
        Assert.Equal(new DmaResult(DmaOutcome.Completed, 4), iommu.Device.Write(Machine.Endpoint, new(0x100), [1, 2, 3, 4]));
        Assert.Equal([1, 2, 0], iommu.Memory.Read(new(0x2000), 3));
        Assert.Equal([3, 4, 0], iommu.Memory.Read(new(0x3000), 3));

        var back = new byte[4];
        Assert.Equal(new DmaResult(DmaOutcome.Completed, 4), iommu.Device.Read(Machine.Endpoint, new(0x100), back));
        Assert.Equal([1, 2, 3, 4], back);
        Assert.Empty(iommu.Reports);
    }

    [Fact]
    public void An_access_stops_at_the_first_unmapped_byte_and_reports_it_once()
    {
        var iommu = new Machine(options => options with { PageSizeMask = 1 })
            .Given(Bytes.Attach(1, Machine.Endpoint))
            .Given(Bytes.Map(1, 0x100, 0x101, 0x2000));
        Assert.Equal(new DmaResult(DmaOutcome.NotMapped, 2), iommu.Device.Write(Machine.Endpoint, new(0x100), [1, 2, 3, 4]));
        Assert.Equal([1, 2, 0], iommu.Memory.Read(new(0x2000), 3));
        byte[] expected = [2, 0, 0, 0, 2, 1, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x01, 0, 0, 0, 0, 0, 0];
        Assert.Equal(expected, Assert.Single(iommu.Reports));
    }

    [Theory]
    [InlineData(1u, true, false)]
    [InlineData(2u, false, true)]
    [InlineData(3u, true, true)]
    [InlineData(0u, false, false)]
    public void Each_direction_needs_its_own_flag(uint flags, bool readable, bool writable)
    {
        var iommu = new Machine().Given(Bytes.Attach(1, Machine.Endpoint)).Given(Bytes.Map(1, 0, 0xfff, 0x2000, flags));
        Assert.Equal(readable, iommu.Device.Read(Machine.Endpoint, new(0), new byte[1]).Outcome == DmaOutcome.Completed);
        Assert.Equal(writable, iommu.Device.Write(Machine.Endpoint, new(0), [7]).Outcome == DmaOutcome.Completed);
        Assert.Equal(writable ? 7 : 0, iommu.Memory.Read(new(0x2000), 1)[0]);
    }

    [Fact]
    public void An_unattached_endpoint_outside_bypass_mode_reaches_nothing_and_faults_as_DOMAIN()
    {
        var iommu = new Machine(options => options with { InitialBypass = false });
        Assert.Equal(new DmaResult(DmaOutcome.NotAttached, 0), iommu.Device.Read(Machine.OtherEndpoint, new(0x1234), new byte[4]));
        byte[] expected = [1, 0, 0, 0, 1, 1, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0x34, 0x12, 0, 0, 0, 0, 0, 0];
        Assert.Equal(expected, Assert.Single(iommu.Reports));
    }

    [Fact]
    public void An_unknown_endpoint_reaches_nothing_and_is_not_reported()
    {
        var iommu = new Machine();
        Assert.Equal(new DmaResult(DmaOutcome.UnknownEndpoint, 0), iommu.Device.Read(Machine.UnknownEndpoint, new(0), new byte[4]));
        Assert.Equal(new DmaResult(DmaOutcome.UnknownEndpoint, 0), iommu.Device.Write(Machine.UnknownEndpoint, new(0), [1]));
        Assert.Empty(iommu.Reports);
    }

    [Theory]
    // offered, negotiated, initial bypass, identity?
    [InlineData(IommuFeatures.BypassConfig, IommuFeatures.BypassConfig, true, true)]
    [InlineData(IommuFeatures.BypassConfig, IommuFeatures.None, true, true)]
    [InlineData(IommuFeatures.BypassConfig, IommuFeatures.BypassConfig, false, false)]
    [InlineData(IommuFeatures.Bypass, IommuFeatures.Bypass, false, true)]
    [InlineData(IommuFeatures.Bypass, IommuFeatures.None, true, false)]
    [InlineData(IommuFeatures.Bypass | IommuFeatures.BypassConfig, IommuFeatures.Bypass, false, true)]
    [InlineData(IommuFeatures.None, IommuFeatures.None, true, false)]
    public void Unattached_bypass_depends_on_BYPASS_CONFIG_offered_or_BYPASS_negotiated(
        IommuFeatures offered, IommuFeatures negotiated, bool initial, bool identity)
    {
        var iommu = new Machine(options => options with { Features = offered, InitialBypass = initial }, negotiated);
        Assert.Equal(identity ? 0x123ul : null, iommu.Translate(0x123));
    }

    [Fact]
    public void An_attached_endpoint_is_not_in_bypass_mode_unless_its_domain_is()
    {
        var iommu = new Machine().Given(Bytes.Attach(1, Machine.Endpoint)).Given(Bytes.Attach(2, Machine.OtherEndpoint, flags: 1));
        Assert.Null(iommu.Translate(0x123));
        Assert.Equal(0x123ul, iommu.Translate(0x123, endpoint: Machine.OtherEndpoint));
    }

    [Fact]
    public void The_last_address_is_reached_and_the_one_behind_it_is_not_zero()
    {
        var iommu = new Machine(options => options with { PageSizeMask = 1 })
            .Given(Bytes.Attach(1, Machine.Endpoint))
            .Given(Bytes.Map(1, 0, 0, 0x3000))
            .Given(Bytes.Map(1, Top - 1, Top, 0x2000));
        Assert.Equal(new DmaResult(DmaOutcome.Completed, 2), iommu.Device.Write(Machine.Endpoint, new(Top - 1), [1, 2]));
        Assert.Equal(new DmaResult(DmaOutcome.NotMapped, 2), iommu.Device.Write(Machine.Endpoint, new(Top - 1), [3, 4, 5]));
        Assert.Equal([3, 4, 0], iommu.Memory.Read(new(0x2000), 3));
        Assert.Equal([0], iommu.Memory.Read(new(0x3000), 1));
        // WRITE without ADDRESS: the refused byte has none.
        Assert.Equal([2, 0, 0, 0, 2, 0, 0, 0], Assert.Single(iommu.Reports)[..8]);
    }

    [Fact]
    public void A_mapping_of_the_whole_space_translates_at_both_ends()
    {
        var iommu = new Machine().Given(Bytes.Attach(1, Machine.Endpoint)).Given(Bytes.Map(1, 0, Top, 0));
        Assert.Equal(Top, iommu.Translate(Top));
        Assert.Equal(DmaOutcome.Completed, iommu.Device.Write(Machine.Endpoint, new(0xffff), [9]).Outcome);
        Assert.Equal([9], iommu.Memory.Read(new(0xffff), 1));
    }

    [Theory]
    [InlineData(0xfffful, 8, 1ul)]
    [InlineData(0xfff9ul, 8, 7ul)]
    [InlineData(0x10000ul, 8, 0ul)]
    [InlineData(0xfff8ul, 8, 8ul)]
    public void Where_memory_ends_the_bytes_before_have_been_transferred(ulong at, int length, ulong transferred)
    {
        var iommu = new Machine();
        var outcome = transferred == (ulong)length ? DmaOutcome.Completed : DmaOutcome.NoMemory;
        var bytes = Enumerable.Range(1, length).Select(value => (byte)value).ToArray();
        Assert.Equal(new DmaResult(outcome, transferred), iommu.Device.Write(Machine.Endpoint, new(at), bytes));
        var back = new byte[length];
        Assert.Equal(new DmaResult(outcome, transferred), iommu.Device.Read(Machine.Endpoint, new(at), back));
        Assert.Equal(bytes[..(int)transferred], back[..(int)transferred]);
        Assert.Empty(iommu.Reports);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    public void A_reserved_region_is_never_memory_and_a_doorbell_takes_writes(uint attachFlags)
    {
        var iommu = new Machine(options => options with
        {
            Endpoints =
            [
                new(Machine.Endpoint)
                {
                    ReservedRegions =
                    [
                        new(new(0x2000, 0x2fff), ReservedRegionKind.Reserved),
                        new(new(0x4000, 0x4fff), ReservedRegionKind.Msi),
                    ],
                },
            ],
        }).Given(Bytes.Attach(1, Machine.Endpoint, attachFlags));
        Assert.Equal(new DmaResult(DmaOutcome.NotMapped, 0), iommu.Device.Write(Machine.Endpoint, new(0x2ffc), [1, 2, 3, 4]));
        Assert.Equal(2, Assert.Single(iommu.Reports)[0]);
        Assert.Equal(new DmaResult(DmaOutcome.Completed, 4), iommu.Device.Write(Machine.Endpoint, new(0x4000), [1, 2, 3, 4]));
        Assert.Equal(new DmaResult(DmaOutcome.NotMapped, 0), iommu.Device.Read(Machine.Endpoint, new(0x4000), new byte[4]));
        Assert.Null(iommu.Translate(0x4000, DmaAccess.Write));
        Assert.Equal(new byte[4], iommu.Memory.Read(new(0x2ffc), 4));
        Assert.Equal(new byte[4], iommu.Memory.Read(new(0x4000), 4));
    }

    [Fact]
    public void A_doorbell_takes_no_byte_to_memory_and_none_beyond_its_region()
    {
        var iommu = new Machine(options => options with
        {
            Endpoints = [new(Machine.Endpoint) { ReservedRegions = [new(new(0x8000, 0x8007), ReservedRegionKind.Msi)] }],
        }).Given(Bytes.Attach(1, Machine.Endpoint));
        Assert.Equal(new DmaResult(DmaOutcome.Completed, 4), iommu.Device.Write(Machine.Endpoint, new(0x8000), [1, 2, 3, 4]));
        Assert.Equal(new DmaResult(DmaOutcome.NotMapped, 4), iommu.Device.Write(Machine.Endpoint, new(0x8004), [1, 2, 3, 4, 5, 6]));
        Assert.Equal(new byte[0x10000], iommu.Memory.Read(new(0), 0x10000));
    }

    [Theory]
    [InlineData(0x1ff0, 15)]
    [InlineData(0x1ff0, 16)]
    [InlineData(0x1ff0, 17)]
    [InlineData(0x1ff0, 48)]
    [InlineData(0x2fdf, 32)]
    public void An_access_that_ends_near_the_end_of_a_mapping_moves_just_its_bytes(int at, int length)
    {
        var iommu = new Machine()
            .Given(Bytes.Attach(1, Machine.Endpoint))
            .Given(Bytes.Map(1, 0x1000, 0x1fff, 0x5000))
            .Given(Bytes.Map(1, 0x2000, 0x2fff, 0x7000));
        byte[] sent = [.. Enumerable.Range(1, length).Select(i => (byte)i)];
        Assert.Equal(new DmaResult(DmaOutcome.Completed, (ulong)length), iommu.Device.Write(Machine.Endpoint, new((ulong)at), sent));
        Assert.Equal(sent.Append((byte)0), Enumerable.Range(at, length + 1).Select(va => iommu.Memory.Read(new((ulong)(va < 0x2000 ? va + 0x4000 : va + 0x5000)), 1)[0]));
    }

    [Fact]
    public void An_access_in_bypass_mode_stops_where_a_reserved_region_starts()
    {
        var iommu = new Machine(options => options with
        {
            Endpoints = [new(Machine.Endpoint) { ReservedRegions = [new(new(0x2000, 0x2fff), ReservedRegionKind.Reserved)] }],
        });
        Assert.Equal(new DmaResult(DmaOutcome.NotMapped, 2), iommu.Device.Write(Machine.Endpoint, new(0x1ffe), [1, 2, 3, 4]));
        Assert.Equal([1, 2, 0, 0], iommu.Memory.Read(new(0x1ffe), 4));
        Assert.True(iommu.Device.TryTranslate(Machine.Endpoint, new(0x1ffe), DmaAccess.Read, out _, out ulong contiguous));
        Assert.Equal(2ul, contiguous);
    }

    [Fact]
    public void Translating_and_moving_bytes_allocates_nothing()
    {
        var iommu = new Machine().Given(Bytes.Attach(1, Machine.Endpoint)).Given(Bytes.Map(1, 0, 0xfff, 0x2000));
        var buffer = new byte[16];
        iommu.Device.Read(Machine.Endpoint, new(0), buffer);
        iommu.Translate(0);
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                iommu.Device.Read(Machine.Endpoint, new(0), buffer);
                iommu.Device.TryTranslate(Machine.Endpoint, new(0), DmaAccess.Read, out _, out _);
            }
        }));
    }
}
