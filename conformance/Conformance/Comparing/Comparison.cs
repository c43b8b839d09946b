using Viommu.Conformance.Recorded;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Comparing;

/// <summary>Several runs side by side: other devices, other versions of one, other transports, or the same again later.</summary>
internal sealed class Comparison
{
    /// <summary>Compares at least two runs, the oldest first.</summary>
    public Comparison(IReadOnlyList<RecordedRun> runs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(runs.Count, 2);
        Runs = runs;
        var byId = runs.Select(run => run.Checks.ToDictionary(check => check.Id)).ToList();
        Checks = [.. runs.SelectMany(run => run.Checks).Select(check => check.Id).Distinct()
            .Select(id => new ComparedCheck(id, [.. byId.Select(run => run.GetValueOrDefault(id))]))];
    }

    /// <summary>The runs, in the user's order.</summary>
    public IReadOnlyList<RecordedRun> Runs { get; }

    /// <summary>Every check of any run, in the order in which it first occurs.</summary>
    public IReadOnlyList<ComparedCheck> Checks { get; }

    /// <summary>The checks whose verdict is not the same in all runs.</summary>
    public IReadOnlyList<ComparedCheck> Differing => [.. Checks.Where(check => check.Differs)];

    /// <summary>What changed from the first run to the last, what matters most first.</summary>
    public IReadOnlyList<ComparedCheck> Changed => [.. Checks.Where(check => check.Change != Change.None).OrderBy(check => check.Change)];

    /// <summary>True where something got worse from the first run to the last.</summary>
    public bool HasRegression => Checks.Any(check => check.Change.IsRegression());

    /// <summary>How many checks changed in each way.</summary>
    public IReadOnlyList<(Change Change, int Count)> Counts => [.. Changed.GroupBy(check => check.Change).Select(g => (g.Key, g.Count()))];

    /// <summary>The verdicts that occur in any run, harmless first.</summary>
    public IReadOnlyList<Verdict> Verdicts => [.. Runs.SelectMany(run => run.Checks).Select(check => check.Verdict).Distinct().Order()];

    /// <summary>What makes the runs hard to compare, each in a sentence.</summary>
    public IEnumerable<string> Caveats()
    {
        if (Runs.Select(run => run.Spec).Distinct().Count() > 1) yield return "The runs judge by different versions of virtio: what only one of them has is N/A in the others.";
        if (Runs.Select(run => run.Tool).Distinct().Count() > 1) yield return "The runs were made by different versions of this program: checks may have come, gone, or learned.";
        foreach (var run in Runs.Where(run => !run.Over)) yield return $"{run.Name} was not over when its results were written.";
    }
}

/// <summary>A check with its results in the order of the runs, null where a run has none.</summary>
internal sealed record ComparedCheck(string Id, IReadOnlyList<RecordedCheck?> Results)
{
    /// <summary>What became of it from the first run to the last.</summary>
    public Change Change { get; } = Changes.Between(Results[0], Results[^1]);

    /// <summary>True where the verdict is not the same in all runs.</summary>
    public bool Differs => Results.Any(result => result?.Verdict != Results[0]?.Verdict);

    /// <summary>The first clause, as the run that knows the check says.</summary>
    public string Clause => Results.First(result => result is not null)!.Clauses[0];
}
