using Viommu.Device.Iommu;
using Viommu.Device.Transport.Pci;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Iommu;

public class OptionsTests
{
    [Fact]
    public void The_defaults_are_legal()
    {
        new IommuOptions().Validate();
        new VirtioPciOptions().Validate();
    }

    public static TheoryData<string, IommuOptions> Illegal => new()
    {
        { "Features", new() { Features = (IommuFeatures)0x80 } },
        { "PageSizeMask", new() { PageSizeMask = 0 } },
        { "InputRange", new() { InputRange = new(2, 1) } },
        { "DomainRange", new() { DomainRange = new(2, 1) } },
        { "ProbeSize", new() { ProbeSize = uint.MaxValue } },
        { "ProbeSize", new() { ProbeSize = 23, Endpoints = [new(1) { ReservedRegions = [Reserved(0, 1)] }] } },
        { "MaximumDomains", new() { MaximumDomains = -1 } },
        { "MaximumMappings", new() { MaximumMappings = -1 } },
        { "RequestQueueSize", new() { RequestQueueSize = 3 } },
        { "EventQueueSize", new() { EventQueueSize = 0 } },
        { "more than once", new() { Endpoints = [new(1), new(2), new(1)] } },
        { "reserved regions, more than 4096", new() { Endpoints = [.. Enumerable.Range(0, 4097).Select(i => new EndpointOptions((uint)i) { ReservedRegions = [Reserved((ulong)i, (ulong)i)] })] } },
        { "more than once", new() { Endpoints = [new(7)], EndpointRanges = [new(0, 9)] } },
        { "more than once", new() { EndpointRanges = [new(0, 9), new(2, 3), new(9, 12)] } },
        { "0x3..0x2 ends before it starts", new() { EndpointRanges = [new(3, 2)] } },
        { "4294967296 endpoints", new() { EndpointRanges = [new(0, uint.MaxValue)] } },
        { "range 0x1..0x2 overlap", new() { EndpointRanges = [new(1, 2) { ReservedRegions = [Reserved(10, 20), Reserved(0, 10)] }] } },
        { "overlap", new() { Endpoints = [new(1) { ReservedRegions = [Reserved(10, 20), Reserved(0, 10)] }] } },
        { "ends before it starts", new() { Endpoints = [new(1) { ReservedRegions = [Reserved(2, 1)] }] } },
        { "MSI", new() { Endpoints = [new(1) { ReservedRegions = [Doorbell(0, 1), Doorbell(2, 3)] }] } },
        { "no known kind", new() { Endpoints = [new(1) { ReservedRegions = [new(new(0, 1), (ReservedRegionKind)2)] }] } },
    };

    public static TheoryData<IommuOptions> Extreme => new()
    {
        new IommuOptions { ProbeSize = IommuOptions.MaximumProbeSize },
        new IommuOptions { MaximumDomains = 0, MaximumMappings = 0 },
        new IommuOptions { DomainRange = new(3, 3), InputRange = new(5, 5) },
        new IommuOptions { EndpointRanges = [new(5, 4 + (1 << 22))] },
        new IommuOptions
        {
            ProbeSize = IommuOptions.MaximumProbeSize,
            Endpoints = [new(1) { ReservedRegions = [.. Enumerable.Range(0, 4096).Select(i => Reserved((ulong)i, (ulong)i))] }],
        },
    };

    private static ReservedRegion Reserved(ulong first, ulong last) => new(new(first, last), ReservedRegionKind.Reserved);

    private static ReservedRegion Doorbell(ulong first, ulong last) => new(new(first, last), ReservedRegionKind.Msi);

    [Theory]
    [MemberData(nameof(Illegal))]
    public void What_no_device_can_be_is_named(string named, IommuOptions options) =>
        Assert.Contains(named, Assert.Throws<ArgumentException>(options.Validate).Message, StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(Extreme))]
    public void The_last_value_of_every_bound_is_legal(IommuOptions options) => options.Validate();

    [Fact]
    public void One_endpoint_more_than_there_can_be_is_counted() =>
        Assert.Equal("there are 4194305 endpoints, more than 4194304", ProblemsOf(new() { EndpointRanges = [new(5, 5 + (1 << 22))] }));

    [Fact]
    public void A_range_that_ends_before_it_starts_is_the_only_problem_that_it_is() =>
        Assert.Equal("endpoint range 0x3..0x2 ends before it starts", ProblemsOf(new() { EndpointRanges = [new(3, 2)] }));

    [Theory]
    [InlineData(0, 9, 2, 3, 5, 6, "endpoint range 0x0..0x9 and endpoint range 0x5..0x6 overlap")]
    [InlineData(0, 9, 5, 20, 15, 16, "endpoint range 0x5..0x14 and endpoint range 0xf..0x10 overlap")]
    public void Every_range_is_held_against_the_one_that_reaches_furthest_before_it(
        uint first, uint firstLast, uint second, uint secondLast, uint third, uint thirdLast, string named) =>
        Assert.Contains(named, ProblemsOf(new() { EndpointRanges = [new(first, firstLast), new(second, secondLast), new(third, thirdLast)] }), StringComparison.Ordinal);

    private static string ProblemsOf(IommuOptions options) => Assert.Throws<ArgumentException>(options.Validate).Message;

    [Fact]
    public void Every_problem_is_named_at_once()
    {
        var problems = Assert.Throws<ArgumentException>(new IommuOptions { PageSizeMask = 0, RequestQueueSize = 3 }.Validate).Message;
        Assert.Contains("PageSizeMask", problems, StringComparison.Ordinal);
        Assert.Contains("RequestQueueSize", problems, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_spec_only_advises_against_is_legal()
    {
        new IommuOptions { Features = IommuFeatures.Bypass | IommuFeatures.BypassConfig }.Validate();
        new IommuOptions { Features = IommuFeatures.None }.Validate();
        new IommuOptions { ProbeSize = 24, Endpoints = [new(1) { ReservedRegions = [Reserved(0, ulong.MaxValue)] }] }.Validate();
    }

    [Fact]
    public void A_function_that_cannot_be_is_named()
    {
        var problems = Assert.Throws<ArgumentException>(
            new VirtioPciOptions { Features = (VirtioFeatures)(1UL << 37), MsixVectors = 0x801 }.Validate).Message;
        Assert.Contains("VERSION_1", problems, StringComparison.Ordinal);
        Assert.Contains("0x2000000000", problems, StringComparison.Ordinal);
        Assert.Contains("MsixVectors", problems, StringComparison.Ordinal);
    }
}
