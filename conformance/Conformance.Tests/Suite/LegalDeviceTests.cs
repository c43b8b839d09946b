using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Running;
using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Wire;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Tests.Suite;

/// <summary>A device that keeps every clause is never accused, whatever it is like otherwise.</summary>
public sealed class LegalDeviceTests
{
    private static readonly IReadOnlyList<Check> Checks = CheckRegistry.Find(typeof(Check).Assembly, ClauseCatalogue.Load());

    internal static readonly Dictionary<string, ModelVariation> Devices = new()
    {
        ["no BYPASS_CONFIG"] = With(options => options with { Features = options.Features & ~IommuFeatures.BypassConfig }),
        ["no INPUT_RANGE, no DOMAIN_RANGE"] = With(options => options with { Features = options.Features & ~(IommuFeatures.InputRange | IommuFeatures.DomainRange) }),
        ["no PROBE"] = With(options => options with { Features = options.Features & ~IommuFeatures.Probe }),
        ["no MMIO"] = With(options => options with { Features = options.Features & ~IommuFeatures.Mmio }),
        ["MAP_UNMAP and nothing else"] = With(options => options with { Features = IommuFeatures.MapUnmap }),
        ["bypass initially 0"] = With(options => options with { InitialBypass = false }),
        ["a granule of one byte"] = With(options => options with { PageSizeMask = ulong.MaxValue }),
        ["a granule of 64 KiB, one page size"] = With(options => options with { PageSizeMask = 0x1_0000 }),
        ["a granule of 2 MiB"] = With(options => options with { PageSizeMask = 0xffff_ffff_ffe0_0000 }),
        ["an input_range of 32 bits"] = With(options => options with { InputRange = new AddressRange(0, 0xffff_ffff) }),
        ["an input_range that starts high"] = With(options => options with { InputRange = new AddressRange(0x80_0000_0000, 0xff_ffff_ffff) }),
        ["an input_range below guest memory"] = With(options => options with { InputRange = new AddressRange(0x1000, 0xf_ffff) }),
        ["a domain_range of three"] = With(options => options with { DomainRange = new DomainRange(7, 9) }),
        ["a single domain"] = With(options => options with { DomainRange = new DomainRange(3, 3) }),
        ["a probe_size of 49"] = With(options => options with { ProbeSize = 49 }),
        ["a probe_size of 4000"] = With(options => options with { ProbeSize = 4000 }),
        ["no reserved regions"] = With(options => options with { Endpoints = [.. options.Endpoints.Select(e => e with { ReservedRegions = [] })] }),
        ["one endpoint"] = With(options => options with { Endpoints = [options.Endpoints[0]] }),
        ["room for one mapping"] = With(options => options with { MaximumMappings = 1 }),
        ["room for one domain"] = With(options => options with { MaximumDomains = 1 }),
        ["low memory reserved"] = With(options => options with
        {
            Endpoints = [.. options.Endpoints.Select(e => e with { ReservedRegions = [new(new AddressRange(0, 0xff_ffff), ReservedRegionKind.Reserved)] })],
        }),
        ["queues of two"] = With(options => options with { RequestQueueSize = 2, EventQueueSize = 1 }),
        ["small queues"] = With(options => options with { RequestQueueSize = 8, EventQueueSize = 2 }),
        ["large queues"] = With(options => options with { RequestQueueSize = 4096, EventQueueSize = 1024 }),
        ["no MSI-X"] = new() { PciOptions = options => options with { MsixVectors = 0 } },
        ["two MSI-X vectors"] = new() { PciOptions = options => options with { MsixVectors = 2 } },
        ["a bare ring"] = new() { PciOptions = options => options with { Features = VirtioFeatures.Version1 } },
        ["IN_ORDER"] = new() { PciOptions = options => options with { Features = options.Features | VirtioFeatures.InOrder } },
    };

    public static TheoryData<string> Names => [.. Devices.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_legal_device_is_not_accused(string name)
    {
        using var session = new CheckSession(new ModelTargetSource(Devices[name]), new CheckSessionOptions(TimeSpan.FromSeconds(20), Seed: 1));

        // Shapes override the variation's own choices, so a check of a special shape says nothing of this device.
        var accused = Checks.Where(check => check.Shape == Guest.Targets.TargetShape.Default)
            .Select(check => (check.Id, Outcome: session.Run(check, CancellationToken.None)))
            .Where(result => result.Outcome.Verdict is not (Verdict.Pass or Verdict.NotApplicable));

        Assert.Empty(accused.Select(result => $"{result.Outcome.Verdict} {result.Id}: expected {result.Outcome.Expected}; actual {result.Outcome.Actual}"));
    }

    private static ModelVariation With(Func<IommuOptions, IommuOptions> change) => new() { Options = change };
}
