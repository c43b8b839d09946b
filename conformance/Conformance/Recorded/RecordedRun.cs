using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Recorded;

/// <summary>A run as its <c>results.json</c> tells it: of any device, of any version of this program.</summary>
/// <param name="Name">What the user calls it: the file or folder that it was read from.</param>
/// <param name="Tool">Version of the program that made it.</param>
/// <param name="Spec">The version of the spec that was judged by.</param>
/// <param name="Target">What was under test.</param>
/// <param name="Features">The spec's names of the feature bits that it offered.</param>
/// <param name="Seed">Where every random choice of the run came from.</param>
/// <param name="Strict">True where a broken SHOULD failed the run.</param>
/// <param name="Over">False where the run was killed before its end.</param>
/// <param name="Checks">The checks, in their order.</param>
/// <param name="Clauses">The clauses, in their order.</param>
/// <param name="Complaints">What was wrong with the expectations file.</param>
internal sealed record RecordedRun(
    string Name, string Tool, SpecVersion Spec, TargetIdentity Target, IReadOnlyList<string> Features, ulong Seed, bool Strict, bool Over,
    IReadOnlyList<RecordedCheck> Checks, IReadOnlyList<RecordedClause> Clauses, IReadOnlyList<string> Complaints)
{
    /// <summary>True where a broken SHOULD that isolation hangs on failed the run.</summary>
    public bool StrictOnSecurity { get; init; }

    /// <summary>The numbers of checks by verdict that the file itself states.</summary>
    public IReadOnlyDictionary<string, ulong> Summary { get; init; } = new Dictionary<string, ulong>();

    /// <summary>What a run in this process comes to, under the name that the user knows it by.</summary>
    public static RecordedRun Of(string name, RunSnapshot run) => new(
        name, Reports.Tool.Version, run.Spec, run.Target, run.FeatureNames, run.Seed, run.Strict, run.Over,
        [.. run.Checks.Select(c => new RecordedCheck(c.Check.Id, c.Check.Clauses, c.Check.Level, c.Verdict, c.Expected, c.Actual, c.Evidence, c.Milliseconds)
        {
            Observed = c.Observed,
            ChargedTo = c.ChargedTo,
        })],
        [.. run.Clauses.Select(c => new RecordedClause(c.Clause.Id, c.Verdict, c.Reason))], run.Complaints)
    { StrictOnSecurity = run.StrictOnSecurity };

    /// <summary>How many checks have a verdict.</summary>
    public int Count(Verdict verdict) => Checks.Count(check => check.Verdict == verdict);
}

/// <summary>What a run says of a check.</summary>
internal sealed record RecordedCheck(
    string Id, IReadOnlyList<string> Clauses, Level Level, Verdict Verdict, string Expected, string Actual, IReadOnlyList<string> Evidence, long Milliseconds)
{
    /// <summary>What the run itself showed, before expectations were applied.</summary>
    public required Verdict Observed { get; init; }

    /// <summary>The clause that was broken, where it is another than the check's.</summary>
    public string? ChargedTo { get; init; }
}

/// <summary>What a run says of a clause.</summary>
internal sealed record RecordedClause(string Id, Verdict Verdict, string Reason);
