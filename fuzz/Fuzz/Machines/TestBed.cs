using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Wire;

namespace Viommu.Fuzz.Machines;

/// <summary>The machine that requests are fuzzed on: small numbers, so that they meet, and every kind of limit.</summary>
internal static class TestBed
{
    public const uint FirstEndpoint = 0x20;
    public const uint SecondEndpoint = 0x28;
    public const uint ThirdEndpoint = 0x30;
    public const uint NoEndpoint = 0x31;
    public const ulong Page = 0x1000;
    public const uint ProbeSize = 96;
    public const ulong DoorbellFirst = 0xfee0_0000;
    public const ulong DoorbellLast = 0xfeef_ffff;
    public const ulong ReservedFirst = 0x10_0000;
    public const ulong ReservedLast = 0x10_3fff;
    public const ulong OverMemoryFirst = Ram + 0x8000;
    public const ulong OverMemoryLast = Ram + 0xbfff;
    public const ulong LastInput = 0xffff_ffff_ffff;
    public const uint LastDomain = 1000;

    /// <summary>Guest memory that is free for DMA.</summary>
    public const ulong Ram = ShadowedMemory.First + RequestMachine.RamOffset;

    /// <summary>The device that most inputs run on.</summary>
    public static IommuOptions Options { get; } = new()
    {
        Features = IommuFeatures.All & ~IommuFeatures.Bypass,
        InputRange = new AddressRange(0, LastInput),
        DomainRange = new DomainRange(0, LastDomain),
        ProbeSize = ProbeSize,
        InitialBypass = false,
        MaximumDomains = 8,
        MaximumMappings = 64,
        RequestQueueSize = 16,
        EventQueueSize = 16,
        Endpoints =
        [
            new EndpointOptions(FirstEndpoint) { ReservedRegions = [Doorbell, Reserved] },
            new EndpointOptions(SecondEndpoint) { ReservedRegions = [Doorbell] },
            new EndpointOptions(ThirdEndpoint),
        ],
    };

    // The others: bypass the old way; bytes for pages; big pages in a narrow range; nothing but the two requests; bypass from the start, with two
    // endpoints that are alike; and every address of 64 bits, with a reserved region over memory, so that an access that ought to go nowhere has somewhere to go.
    private static readonly IommuOptions[] _all =
    [
        Options,
        Options with { Features = IommuFeatures.All & ~IommuFeatures.BypassConfig },
        Options with { PageSizeMask = 0xffff_ffff_ffff_ffff },
        Options with { PageSizeMask = 0xffff_ffff_ffff_0000, InputRange = new AddressRange(0x1_0000, 0xf_ffff) },
        Options with { Features = IommuFeatures.MapUnmap, MaximumMappings = 4, MaximumDomains = 2 },
        Options with
        {
            InitialBypass = true,
            Endpoints =
            [
                new EndpointOptions(FirstEndpoint) { ReservedRegions = [Doorbell] },
                new EndpointOptions(SecondEndpoint) { ReservedRegions = [Doorbell] },
                new EndpointOptions(ThirdEndpoint),
            ],
        },
        Options with
        {
            InputRange = new AddressRange(0, ulong.MaxValue),
            Endpoints =
            [
                new EndpointOptions(FirstEndpoint) { ReservedRegions = [Doorbell, OverMemory] },
                new EndpointOptions(SecondEndpoint) { ReservedRegions = [OverMemory] },
                new EndpointOptions(ThirdEndpoint),
            ],
        },
    ];

    /// <summary>The number of the device with two endpoints that are alike.</summary>
    public const int OfLikeEndpoints = 5;

    public const VirtioFeatures Features = VirtioFeatures.Default;

    /// <summary>Number of different devices.</summary>
    public static int Count => _all.Length;

    /// <summary>A machine with the device of that number.</summary>
    public static RequestMachine NewMachine(Subject subject, int bed = 0) => new(_all[bed], Features, subject);

    private static ReservedRegion Doorbell => new(new AddressRange(DoorbellFirst, DoorbellLast), ReservedRegionKind.Msi);

    private static ReservedRegion OverMemory => new(new AddressRange(OverMemoryFirst, OverMemoryLast), ReservedRegionKind.Reserved);

    private static ReservedRegion Reserved => new(new AddressRange(ReservedFirst, ReservedLast), ReservedRegionKind.Reserved);
}
