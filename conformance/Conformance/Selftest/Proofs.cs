using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Running;
using Viommu.Conformance.Watching;
using Viommu.Conformance.Watching.Selftest;

namespace Viommu.Conformance.Selftest;

/// <summary>What proves that checks and rules can fail: the devices and drivers, each with a rule broken, that they have been seen red on.</summary>
internal static class Proofs
{
    /// <summary>The checks with their broken devices, for tracing clauses.</summary>
    public static IEnumerable<TracedRule> Of(IReadOnlyList<Check> checks) =>
        Traced(checks, BrokenDevices.All.SelectMany(device => device.BrokenAmong(checks).Select(check => (check.Id, $"a device that {device.Name}"))));

    /// <summary>The rules of drivers with their broken drivers.</summary>
    public static IEnumerable<TracedRule> Of(IReadOnlyList<DriverRule> rules) =>
        Traced(rules, BrokenDrivers.All.SelectMany(driver => driver.BrokenAmong(rules).Select(rule => (rule.Id, $"a driver that {driver.Name}"))));

    private static IEnumerable<TracedRule> Traced(IEnumerable<SpecRule> rules, IEnumerable<(string Id, string Proof)> proofs)
    {
        var byRule = proofs.ToLookup(p => p.Id, p => p.Proof);
        return rules.Select(rule => new TracedRule(rule.Id, rule.Title, rule.Clauses, [.. byRule[rule.Id]]));
    }
}
