using Viommu.Conformance.Checks;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Selftest;

/// <summary>What proves the checks: the broken devices that each has been seen red on.</summary>
internal static class Proofs
{
    /// <summary>The checks with their broken devices, for tracing clauses.</summary>
    public static IReadOnlyList<TracedRule> Of(IReadOnlyList<Check> checks)
    {
        var devices = BrokenDevices.All.SelectMany(device => device.BrokenAmong(checks).Select(check => (check.Id, device.Name))).ToLookup(p => p.Id, p => p.Name);
        return [.. checks.Select(check => new TracedRule(check.Id, check.Title, check.Clauses, [.. devices[check.Id]]))];
    }
}
