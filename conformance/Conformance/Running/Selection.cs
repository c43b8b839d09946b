using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;

namespace Viommu.Conformance.Running;

/// <summary>A check, and the reason why it is not going to run, if it is not.</summary>
public sealed record PlannedCheck(Check Check, string? LeftOut)
{
    /// <summary>What is said of it where it is left out: SKIP, unless it was not the user's choice.</summary>
    public Verdict LeftOutAs { get; init; } = Verdict.Skip;
}

/// <summary>What the user chose to run. Globs are held against check ids and against the ids of their clauses.</summary>
/// <param name="Only">Run these only; all where empty.</param>
/// <param name="Skip">Leave these out.</param>
/// <param name="WeakestLevel">Leave out checks of clauses worded more weakly than this.</param>
public sealed record Selection(IReadOnlyList<Glob> Only, IReadOnlyList<Glob> Skip, Level WeakestLevel)
{
    /// <summary>Every check.</summary>
    public static Selection Everything { get; } = new([], [], Level.May);

    /// <summary>Every check in its place, those left out with the reason.</summary>
    public IReadOnlyList<PlannedCheck> Plan(IEnumerable<Check> checks) => [.. checks.Select(c => new PlannedCheck(c, WhyLeftOut(c)))];

    /// <summary>Every check in its place, by a version of the spec: those of clauses that it has not got are N/A.</summary>
    public IReadOnlyList<PlannedCheck> Plan(IEnumerable<Check> checks, ClauseCatalogue catalogue, SpecVersion spec) =>
        [.. Plan(checks).Select(p => catalogue.TryGet(p.Check.Clauses[0], out var clause) && clause.WhyNotIn(spec) is { } why
            ? p with { LeftOut = why, LeftOutAs = Verdict.NotApplicable } : p)];

    /// <summary>Why a check or a rule is left out; null where it is not.</summary>
    public string? WhyLeftOut(SpecRule check)
    {
        if (check.Level > WeakestLevel) return $"left out by --level {WeakestLevel.ToString().ToLowerInvariant()}";
        if (Skip.FirstOrDefault(glob => Names(glob, check)) is { } skip) return $"left out by --skip {skip}";
        if (Only.Count > 0 && !Only.Any(glob => Names(glob, check))) return "left out by --only";
        return null;
    }

    private static bool Names(Glob glob, SpecRule check) => glob.Matches(check.Id) || check.Clauses.Any(glob.Matches);
}
