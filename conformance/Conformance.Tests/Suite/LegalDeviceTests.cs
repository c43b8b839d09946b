using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Checks.Pci;
using Viommu.Conformance.Running;
using Viommu.Conformance.Selftest;
using Viommu.Conformance.Watching.Workload;
using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Wire;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;
using DeviceStatus = Viommu.Guest.Wire.DeviceStatus;
using ReservedRegionKind = Viommu.Device.Iommu.ReservedRegionKind;

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
        ["no room for a second endpoint in a domain"] = new()
        {
            Assemble = (device, _) =>
            {
                var full = new BrokenAttachments.RefusesToShare(device, RequestStatus.NoMem);
                return new ModelParts(full, full);
            },
        },
        ["low memory reserved"] = With(options => options with
        {
            Endpoints = [.. options.Endpoints.Select(e => e with { ReservedRegions = [new(new AddressRange(0, 0xff_ffff), ReservedRegionKind.Reserved)] })],
        }),
        ["queues of two"] = With(options => options with { RequestQueueSize = 2, EventQueueSize = 1 }),
        ["small queues"] = With(options => options with { RequestQueueSize = 8, EventQueueSize = 2 }),
        ["large queues"] = With(options => options with { RequestQueueSize = 4096, EventQueueSize = 1024 }),
        ["no MSI-X"] = new() { PciOptions = options => options with { MsixVectors = 0 } },
        ["two MSI-X vectors"] = new() { PciOptions = options => options with { MsixVectors = 2 } },
        ["a function of revision 255"] = Of("a function of revision 255"),
        ["2048 MSI-X vectors"] = Of("2048 MSI-X vectors"),
        ["two structures of each type"] = Of(PciScenarios.TwoStructures),
        ["capabilities with bytes behind their fields"] = Of(PciScenarios.LongCapabilities),
        ["vendor data"] = Of(PciScenarios.VendorData),
        ["two shared memory regions"] = new()
        {
            Machine = target => new ShowsConfiguration(target, function => ShowsConfiguration.Added(
                function, ShowsConfiguration.Structure(StructureType.SharedMemory, 0x1000, 0x100, 0, 0), Numbered(ShowsConfiguration.Structure(StructureType.SharedMemory, 0x1100, 0x100, 0, 0)))),
        },
        ["a bare ring"] = new() { PciOptions = options => options with { Features = VirtioFeatures.Version1 } },
        ["IN_ORDER"] = new() { PciOptions = options => options with { Features = options.Features | VirtioFeatures.InOrder } },
    };

    private static readonly Dictionary<string, (ModelTransport Transport, ModelVariation Variation)> OnOtherTransports = new()
    {
        ["queues of two over MMIO"] = (ModelTransport.Mmio, With(options => options with { RequestQueueSize = 2, EventQueueSize = 1 })),
        ["small queues over legacy MMIO"] = (ModelTransport.LegacyMmio, With(options => options with { RequestQueueSize = 4, EventQueueSize = 2 })),
        ["MAP_UNMAP and nothing else over legacy MMIO"] = (ModelTransport.LegacyMmio, With(options => options with { Features = IommuFeatures.MapUnmap })),
        ["NOTIFY_ON_EMPTY over legacy MMIO"] = (ModelTransport.LegacyMmio, new() { Machine = target => new NotifiesOnEmpty(target) }),
        ["small queues on a transitional function"] = (ModelTransport.TransitionalPci, With(options => options with { RequestQueueSize = 4, EventQueueSize = 2 })),
        ["a transitional function without MSI-X"] = (ModelTransport.TransitionalPci, new() { PciOptions = options => options with { MsixVectors = 0 } }),
    };

    public static IEnumerable<object[]> Names => from name in Devices.Keys from ring in Enum.GetValues<ModelRing>() select (object[])[name, ring];

    public static TheoryData<string> NamesOnOtherTransports => [.. OnOtherTransports.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_legal_device_is_not_accused(string name, ModelRing ring) => Assert.Empty(Accusations(Devices[name], new ModelConfiguration(Ring: ring)));

    [Theory]
    [MemberData(nameof(NamesOnOtherTransports))]
    public void A_legal_device_is_not_accused_on_other_transports_either(string name) =>
        Assert.Empty(Accusations(OnOtherTransports[name].Variation, new ModelConfiguration(OnOtherTransports[name].Transport)));

    [Fact]
    public void A_device_that_keeps_NOTIFY_ON_EMPTY_is_seen_to()
    {
        var (transport, variation) = OnOtherTransports["NOTIFY_ON_EMPTY over legacy MMIO"];
        using var session = Session(variation, new ModelConfiguration(transport));
        Assert.All(Checks.Where(check => check.Clauses[0] == "LEGACY-RSVD-D-02"), check => Assert.Equal(Verdict.Pass, session.Run(check, CancellationToken.None).Verdict));
    }

    private static List<string> Accusations(ModelVariation variation, ModelConfiguration configuration)
    {
        using var session = Session(variation, configuration);

        // Shapes override the variation's own choices, so a check of a special shape says nothing of this device.
        return
        [
            .. from check in Checks
               where check.Shape == Guest.Targets.TargetShape.Default
               let outcome = session.Run(check, CancellationToken.None)
               where outcome.Verdict is not (Verdict.Pass or Verdict.NotApplicable)
               select $"{outcome.Verdict} {check.Id}: expected {outcome.Expected}; actual {outcome.Actual}",
        ];
    }

    private static CheckSession Session(ModelVariation variation, ModelConfiguration configuration) =>
        new(new ModelTargetSource(variation, configuration), new CheckSessionOptions(TimeSpan.FromMinutes(2), Seed: 1));

    /// <summary>What a driver has to get along with, checks have to as well.</summary>
    private static ModelVariation Of(string scenario) => Scenarios.Named(scenario).Misbehaviour!;

    private static byte[] Numbered(byte[] capability)
    {
        capability[3] = 1;
        return capability;
    }

    private static ModelVariation With(Func<IommuOptions, IommuOptions> change) => new() { Options = change };

    /// <summary>Offers NOTIFY_ON_EMPTY and keeps it: whatever was available is used when a notification returns, so each of them leaves the queue empty.</summary>
    private sealed class NotifiesOnEmpty(ITarget inner) : BrokenLegacyMmio.OffersLow(inner, Features.NotifyOnEmpty)
    {
        private uint pending;

        protected override uint ReadRegister(uint register) => base.ReadRegister(register) | (register == MmioRegister.InterruptStatus ? pending : 0);

        protected override void WriteRegister(uint register, uint value)
        {
            if (register == MmioRegister.InterruptAck) pending &= ~value;
            base.WriteRegister(register, value);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) pending = 0;
            base.WriteStatus(status);
        }

        protected override void Notify(uint value)
        {
            base.Notify(value);
            if (IsAccepted && value == IommuDriver.RequestQueueNumber) pending |= (uint)Notifications.Used;
        }
    }
}
