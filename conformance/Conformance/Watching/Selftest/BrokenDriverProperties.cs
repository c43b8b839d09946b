using Viommu.Conformance.Watching.Workload;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>Drivers that break rules of PROBE, of properties and of fault reports (5.13.6.7 to 5.13.6.9).</summary>
internal static class BrokenDriverProperties
{
    private static readonly ReservedRange Imagined = new(0x7000_0000, 0x7000_ffff, IsMessage: false);

    public static IEnumerable<BrokenDriver> All() =>
    [
        BrokenDriver.Doing("lends more properties than probe_size", ["IOMMU-PROBE-V-01"], user =>
        {
            user.Start();
            user.Ask(new ProbeRequest(user.Endpoints[0], (int)user.Driver.Config.ProbeSize + 8));
        }),
        new("leaves junk in the reserved bytes of PROBE", "IOMMU-PROBE-V-02") { Tamper = target => new RequestTamper(target, RequestType.Probe, request => request[71] = 1) },
        Reserving("takes a property of unknown type for a region", "IOMMU-PROBE-V-03", StrangeAnswers.UnknownProperty, regions => [.. regions, Imagined]),
        Reserving("takes every region for 20 bytes long", "IOMMU-PROBE-V-04", StrangeAnswers.LongProperty, regions => [.. regions.Take(1)]),
        Reserving("heeds a property with reserved bits", "IOMMU-PROBE-V-05", StrangeAnswers.ReservedProperty, regions => [.. regions, Imagined]),
        Reserving("stops at the first property that it has to ignore", "IOMMU-PROBE-V-06", StrangeAnswers.UnknownProperty, _ => []),
        BrokenDriver.Doing("maps what an endpoint reserves", ["IOMMU-RESV-V-01"], user =>
        {
            user.Start();
            user.AttachAll(user.Domain(0));
            user.Ask(new MapRequest(user.Domain(0), 0xfee0_0000, 0xfee0_0fff, user.Physical(1), MapFlags.Read));
        }),
        Reserving("ignores a region with junk in its reserved bytes", "IOMMU-RESV-V-02", StrangeAnswers.ReservedRegionBytes, regions => [.. regions.Skip(1)]),
        Reserving("ignores regions of unknown subtype", "IOMMU-RESV-V-03", StrangeAnswers.UnknownSubtype, _ => []),
        Telling("reports a fault whose reserved field is set", "IOMMU-FAULT-V-01", told => told ?? new ToldFault(0, 0, false, false, null)),
        Telling("ignores a report because of reserved1", "IOMMU-FAULT-V-02", (report, told) => report.Reserved1 == 0 ? told : null),
        Telling("ignores a report because of undefined flags", "IOMMU-FAULT-V-03", (report, told) => (report.Flags & 0x80) == 0 ? told : null),
        Telling("passes an unknown reason on", "IOMMU-FAULT-V-04", (report, told) => told is null ? null : told with { Reason = report.Reason }),
    ];

    private static BrokenDriver Reserving(string name, string breaks, string scenario, Func<IReadOnlyList<ReservedRange>, IReadOnlyList<ReservedRange>> instead) => new(name, breaks)
    {
        Plays = [scenario],
        Belief = conclusion => conclusion is RegionsConcluded regions ? regions with { Regions = instead(regions.Regions) } : conclusion,
    };

    private static BrokenDriver Telling(string name, string breaks, Func<ToldFault?, ToldFault?> instead) => Telling(name, breaks, (_, told) => instead(told));

    private static BrokenDriver Telling(string name, string breaks, Func<FaultReport, ToldFault?, ToldFault?> instead) => new(name, breaks)
    {
        Plays = [StrangeAnswers.Reports],
        Belief = conclusion => conclusion is FaultConcluded fault ? fault with { Told = instead(fault.Delivered, fault.Told) } : conclusion,
    };
}
