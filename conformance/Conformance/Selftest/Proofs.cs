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
        Traced(checks, BrokenDevices.All.SelectMany(device => device.BrokenAmong(checks).Select(check => new Proof(check, $"a device that {device.Name}", device.Breaks))));

    /// <summary>The rules of drivers with their broken drivers.</summary>
    public static IEnumerable<TracedRule> Of(IReadOnlyList<DriverRule> rules) =>
        Traced(rules, BrokenDrivers.All.SelectMany(driver => driver.BrokenAmong(rules).Select(rule => new Proof(rule, $"a driver that {driver.Name}", driver.Breaks))));

    private static IEnumerable<TracedRule> Traced(IEnumerable<SpecRule> rules, IEnumerable<Proof> proofs)
    {
        var byRule = proofs.ToLookup(proof => proof.Rule.Id);
        return rules.Select(rule => new TracedRule(rule.Id, rule.Title, rule.Clauses, [.. byRule[rule.Id].Select(proof => proof.Name)])
        {
            Uses = rule.Uses.ToDictionary(used => used, used => (IReadOnlyList<string>)[.. byRule[rule.Id].Where(proof => proof.Breaks.Contains(used)).Select(proof => proof.Name)]),
        });
    }

    /// <summary>Who turns a rule red, and what is wrong with it.</summary>
    private sealed record Proof(SpecRule Rule, string Name, string[] Breaks);
}
