using Viommu.Conformance.Catalogue;

namespace Viommu.Conformance.Running;

/// <summary>The same checks on several forms of a target, side by side.</summary>
/// <param name="Runs">The runs that have been made so far, by the names of their forms.</param>
public sealed record MatrixSnapshot(IReadOnlyList<(string Name, RunSnapshot Run)> Runs)
{
    /// <summary>The verdicts that occur in any run, harmless first.</summary>
    public IReadOnlyList<Verdict> Verdicts => [.. Runs.SelectMany(r => r.Run.Checks).Select(c => c.Verdict).Distinct().Order()];

    /// <summary>The checks whose verdict is not the same in all runs, in the order of the spec, with their results in the order of the runs.</summary>
    public IReadOnlyList<(SpecRule Check, IReadOnlyList<CheckResult> Results)> Differing =>
        [.. Rows().Where(row => row.Results.Any(result => result.Verdict != row.Results[0].Verdict))];

    /// <summary>What the program ends with: the worst of the runs. As in a single run, findings weigh more than what the harness owes.</summary>
    public int ExitCode =>
        Runs.Any(r => r.Run.ExitCode == Running.ExitCode.Findings) ? Running.ExitCode.Findings : Runs.Select(r => r.Run.ExitCode).DefaultIfEmpty().Max();

    /// <summary>How many checks of a run have a verdict.</summary>
    public static int Count(RunSnapshot run, Verdict verdict) => run.Checks.Count(check => check.Verdict == verdict);

    private IEnumerable<(SpecRule Check, IReadOnlyList<CheckResult> Results)> Rows()
    {
        var byId = Runs.Select(r => r.Run.Checks.ToDictionary(result => result.Check.Id)).ToList();
        return byId.Count == 0 ? [] : Runs[0].Run.Checks.Select(first => (first.Check, (IReadOnlyList<CheckResult>)[.. byId.Select(run => run[first.Check.Id])]));
    }
}
