using Viommu.Conformance.Catalogue;
using Viommu.Guest.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Running;

/// <summary>A check and what is said of it, the user's expectations applied.</summary>
/// <param name="Check">The check, or the rule.</param>
/// <param name="Verdict">The verdict.</param>
/// <param name="Expected">What the clause asks for, or the reason for N/A, SKIP and MISSING.</param>
/// <param name="Actual">What the device did.</param>
/// <param name="Evidence">What shows it, one line each.</param>
/// <param name="Milliseconds">Wall-clock time.</param>
public sealed record CheckResult(
    SpecRule Check, Verdict Verdict, string Expected, string Actual, IReadOnlyList<string> Evidence, long Milliseconds)
{
    /// <summary>What the run itself showed, before the expectations were applied.</summary>
    public required Verdict Observed { get; init; }

    /// <summary>The clause that was broken, where it is another than the check's.</summary>
    public string? ChargedTo { get; init; }

    internal static CheckResult WithoutRunning(SpecRule check, Verdict verdict, string reason) =>
        new(check, verdict, reason, "", [], 0) { Observed = verdict };
}

/// <summary>A clause and what is said of it by its checks.</summary>
/// <param name="Clause">The clause.</param>
/// <param name="Verdict">The worst verdict of its checks, for a permission that they make use of WARN in place of FAIL; NOT-TESTED where it has none.</param>
/// <param name="Checks">Ids of its checks.</param>
/// <param name="Reason">Why there is no verdict of the device's behaviour, or which clause the use of a permission breaks; empty otherwise.</param>
public sealed record ClauseResult(Clause Clause, Verdict Verdict, IReadOnlyList<string> Checks, string Reason);

/// <summary>A run as it stands at one moment; what has not run yet is MISSING.</summary>
/// <param name="Target">What is under test.</param>
/// <param name="OfferedFeatures">Feature bits that it offers.</param>
/// <param name="Seed">Where every random choice of the run comes from.</param>
/// <param name="Strict">True where a broken SHOULD is a finding.</param>
/// <param name="Checks">Every check of the suite, in the order of the spec.</param>
/// <param name="Clauses">Every clause of the catalogue, in the order of the spec.</param>
/// <param name="Complaints">What is wrong with the expectations file: entries that matched nothing or have expired.</param>
/// <param name="Over">True once the run is over, by itself or because it was ended.</param>
public sealed record RunSnapshot(
    TargetIdentity Target, ulong OfferedFeatures, ulong Seed, bool Strict, IReadOnlyList<CheckResult> Checks,
    IReadOnlyList<ClauseResult> Clauses, IReadOnlyList<string> Complaints, bool Over)
{
    /// <summary>The version of the spec that is judged by.</summary>
    public SpecVersion Spec { get; init; } = SpecVersions.Latest;

    /// <summary>True where a broken SHOULD that isolation hangs on is a finding, whatever <see cref="Strict"/> says.</summary>
    public bool StrictOnSecurity { get; init; }

    /// <summary>True where a result turns the run red.</summary>
    public bool IsFinding(CheckResult result) => result.Verdict.IsFinding(Strict || (StrictOnSecurity && result.Check.IsSecurityRelevant));

    /// <summary>The spec's names of the feature bits offered, lowest bit first.</summary>
    public IReadOnlyList<string> FeatureNames =>
        [.. Enumerable.Range(0, 64).Where(bit => (OfferedFeatures >> bit & 1) != 0).Select(Features.NameOf)];

    /// <summary>How many checks have each verdict that occurs, worst first.</summary>
    public IReadOnlyList<(Verdict Verdict, int Count)> Counts =>
        [.. Checks.GroupBy(c => c.Verdict).OrderByDescending(g => g.Key).Select(g => (g.Key, g.Count()))];

    /// <summary>What the program ends with if the run is over now. Findings weigh more than what the harness owes.</summary>
    public int ExitCode =>
        Complaints.Count > 0 || Checks.Any(IsFinding) ? Running.ExitCode.Findings
        : Checks.Any(c => c.Verdict.IsHarnessFault()) ? Running.ExitCode.Harness
        : Running.ExitCode.AsExpected;
}
