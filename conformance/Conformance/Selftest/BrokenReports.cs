using Viommu.Device.Iommu;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of fault reporting.</summary>
internal static class BrokenReports
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        Patched("sets reserved fields of fault reports", ["IOMMU-FAULT-D-01"], report => report[13] = 1),
        Patched("sets undefined flags of fault reports", ["IOMMU-FAULT-D-02"], report => report[5] |= 0x80),
        Patched("names another endpoint in fault reports", ["IOMMU-FAULT-D-03"], report => report[8] ^= 0x40),
        Patched("reports an address next to the access", ["IOMMU-FAULT-D-04"], report => report[18] ^= 1),
        Patched("swaps the reasons of faults", ["DESC-IOMMU-16", "DESC-IOMMU-17"], report => report[0] ^= FaultReport.ReasonDomain ^ FaultReport.ReasonMapping),
        Spoilt("reports writes only, and all of it wrong", FaultReport.WriteFlag),
        Spoilt("reports reads only, and all of it wrong", FaultReport.ReadFlag),
        BrokenDevice.With("spreads a report over the buffers that are there", ["IOMMU-FAULT-D-05"], (device, _) => new SpreadsReports(device)),
    ];

    private static BrokenDevice Spoilt(string name, uint kind) => BrokenDevice.With(
        name, ["IOMMU-FAULT-D-01", "IOMMU-FAULT-D-02", "IOMMU-FAULT-D-03", "IOMMU-FAULT-D-04", "DESC-IOMMU-16", "DESC-IOMMU-17"],
        (device, _) => new ReportsOneKind(device, kind));

    private delegate void ReportPatch(Span<byte> report);

    private static BrokenDevice Patched(string name, string[] breaks, ReportPatch patch) =>
        BrokenDevice.With(name, breaks, (device, _) => new PatchesReports(device, patch));

    private sealed class PatchesReports(IommuDevice device, ReportPatch patch) : Interceptor(device)
    {
        public override bool TryReport(int queue, ReadOnlySpan<byte> report)
        {
            var patched = report.ToArray();
            patch(patched);
            return base.TryReport(queue, patched);
        }
    }

    private sealed class ReportsOneKind(IommuDevice device, uint kind) : Interceptor(device)
    {
        public override bool TryReport(int queue, ReadOnlySpan<byte> report)
        {
            if ((U32(report, 4) & kind) == 0) return true;
            var spoilt = report.ToArray();
            for (var i = 0; i < spoilt.Length; i++) spoilt[i] ^= 0xa8;
            spoilt[5] |= (byte)(FaultReport.AddressFlag >> 8);
            return base.TryReport(queue, spoilt);
        }
    }

    private sealed class SpreadsReports(IommuDevice device) : Interceptor(device)
    {
        public override bool TryReport(int queue, ReadOnlySpan<byte> report) =>
            base.TryReport(queue, report[..8]) & base.TryReport(queue, report[8..16]) & base.TryReport(queue, report[16..]);
    }
}
