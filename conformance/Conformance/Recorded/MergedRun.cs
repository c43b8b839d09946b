using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Running;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Recorded;

/// <summary>The parts of a run that were made by several machines, put together again.</summary>
internal static class MergedRun
{
    /// <summary>
    /// The whole run. Throws <see cref="ResultsFormatException"/> where the parts are not of one run: another target, seed, version of the
    /// spec or of this program; or where a check is not known here.
    /// </summary>
    public static RunSnapshot Of(IReadOnlyList<RecordedRun> parts, IReadOnlyList<Check> checks, ClauseCatalogue catalogue, NotTested notTested)
    {
        var first = parts[0];
        foreach (var part in parts)
        {
            if (Difference(first, part) is { } difference) throw new ResultsFormatException($"{part.Name}: not of the same run as {first.Name}: {difference}");
            if (part.Checks.FirstOrDefault(c => !checks.Any(known => known.Id == c.Id)) is { } unknown)
                throw new ResultsFormatException($"{part.Name}: there is no check '{unknown.Id}' here");
        }
        var byId = parts.SelectMany(part => part.Checks).ToLookup(check => check.Id);
        CheckResult[] results = [.. checks.Select(check => Result(check, [.. byId[check.Id]]))];
        var clauses = new ClauseVerdicts(catalogue.At(first.Spec), notTested, spec: first.Spec).Of(results);
        return new(first.Target, Bits(first), first.Seed, first.Strict, results, clauses, [.. parts.SelectMany(part => part.Complaints).Distinct()], Over: parts.All(part => part.Over))
        { Spec = first.Spec, StrictOnSecurity = first.StrictOnSecurity };
    }

    private static string? Difference(RecordedRun a, RecordedRun b) =>
        a.Target != b.Target ? $"{b.Target} is not {a.Target}"
        : a.Seed != b.Seed ? FormattableString.Invariant($"seed {b.Seed} is not {a.Seed}")
        : a.Spec != b.Spec ? $"virtio {b.Spec.Name()} is not {a.Spec.Name()}"
        : a.Tool != b.Tool ? $"tool {b.Tool} is not {a.Tool}"
        : (a.Strict, a.StrictOnSecurity) != (b.Strict, b.StrictOnSecurity) ? "one is strict, the other is not"
        : !a.Features.SequenceEqual(b.Features) ? "the features offered differ"
        : null;

    /// <summary>What the parts say of a check: the worst of those that ran it, else why none did.</summary>
    private static CheckResult Result(Check check, IReadOnlyList<RecordedCheck> said)
    {
        if (said.Count == 0) return CheckResult.WithoutRunning(check, Verdict.Missing, "none of the parts has it");
        var told = said.Where(c => c.Verdict != Verdict.Skip).MaxBy(c => c.Verdict) ?? said.FirstOrDefault(c => !Shard.IsElsewhere(c.Expected));
        if (told is null) return CheckResult.WithoutRunning(check, Verdict.Missing, $"its shard is not among the parts; in {said.Count} of them it is {said[0].Expected}");
        return new(check, told.Verdict, told.Expected, told.Actual, told.Evidence, told.Milliseconds) { Observed = told.Observed, ChargedTo = told.ChargedTo };
    }

    private static ulong Bits(RecordedRun run) =>
        Enumerable.Range(0, 64).Where(bit => run.Features.Contains(Features.NameOf(bit))).Aggregate(0UL, (bits, bit) => bits | 1UL << bit);
}
