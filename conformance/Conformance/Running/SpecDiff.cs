using Viommu.Conformance.Catalogue;

namespace Viommu.Conformance.Running;

/// <summary>
/// One run judged by each version of the spec up to the run's own: what a version has not got yet is N/A by it, and everything else is what
/// the run showed, since no clause was ever taken back or reworded in what it asks for.
/// </summary>
public sealed class SpecDiff
{
    private readonly RunSnapshot run;

    /// <summary>Compares the versions on a run.</summary>
    public SpecDiff(RunSnapshot run)
    {
        this.run = run;
        Versions = [.. SpecVersions.All.Where(version => version <= run.Spec)];
        Changing = [.. run.Clauses.Where(c => IsJudged(c.Verdict) && c.Clause.WhyNotIn(Versions[0]) is not null)];
    }

    /// <summary>The versions, oldest first.</summary>
    public IReadOnlyList<SpecVersion> Versions { get; }

    /// <summary>The clauses with a verdict of the device that is not the same by all versions.</summary>
    public IReadOnlyList<ClauseResult> Changing { get; }

    /// <summary>What a version says of a clause.</summary>
    public static Verdict By(SpecVersion version, ClauseResult clause) =>
        clause.Clause.WhyNotIn(version) is null ? clause.Verdict : Verdict.NotApplicable;

    /// <summary>How many clauses have each verdict by a version, worst first.</summary>
    public IReadOnlyList<(Verdict Verdict, int Count)> Counts(SpecVersion version) =>
        [.. run.Clauses.GroupBy(clause => By(version, clause)).OrderByDescending(g => g.Key).Select(g => (g.Key, g.Count()))];

    private static bool IsJudged(Verdict verdict) => verdict is not (Verdict.NotApplicable or Verdict.NotTested or Verdict.Skip or Verdict.Missing);
}
