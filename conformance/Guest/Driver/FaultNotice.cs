using Viommu.Guest.Wire;

namespace Viommu.Guest.Driver;

/// <summary>What a driver tells its user of a fault report (5.13.6.9).</summary>
/// <param name="Reason">One of the reasons of the spec.</param>
/// <param name="Endpoint">The endpoint.</param>
/// <param name="IsRead">The access was a read.</param>
/// <param name="IsWrite">The access was a write.</param>
/// <param name="Address">The address; null where none was reported.</param>
public sealed record FaultNotice(byte Reason, uint Endpoint, bool IsRead, bool IsWrite, ulong? Address)
{
    /// <summary>
    /// Reads a report: one whose <c>reserved</c> is not zero is ignored (null); <c>reserved1</c> and undefined flags are; a reason that
    /// is not known counts as UNKNOWN.
    /// </summary>
    public static FaultNotice? Of(FaultReport report) => report.Reserved != 0 ? null : new FaultNotice(
        report.Reason is FaultReport.ReasonDomain or FaultReport.ReasonMapping ? report.Reason : FaultReport.ReasonUnknown,
        report.Endpoint, (report.Flags & FaultReport.ReadFlag) != 0, (report.Flags & FaultReport.WriteFlag) != 0,
        report.HasAddress ? report.Address : null);
}
