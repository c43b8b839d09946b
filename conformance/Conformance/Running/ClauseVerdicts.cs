using Viommu.Conformance.Catalogue;

namespace Viommu.Conformance.Running;

/// <summary>
/// What is said of every clause, by its checks or by the reason for having none, in a run that judges one role by a version of the spec; a
/// clause that the version has not got is N/A.
/// </summary>
internal sealed class ClauseVerdicts(ClauseCatalogue catalogue, NotTested notTested, Role judged = Role.Device, SpecVersion spec = SpecVersions.Latest)
{
    private const int MostNamed = 5;

    // Ids are the same in every version of the spec, and a run asks after every check: the patterns are matched once.
    private static readonly (string Umbrella, string[] Parts)[] Sums = [.. AllSums()];

    public IReadOnlyList<ClauseResult> Of(IReadOnlyList<CheckResult> results)
    {
        var byClause = results.SelectMany(Charges).ToLookup(p => p.Clause, p => p.Result);
        ClauseResult[] clauses = [.. catalogue.Clauses.Select(clause => Judge(clause, [.. byClause[clause.Id]]))];
        foreach (var (umbrella, parts) in Sums)
        {
            var at = catalogue.PositionOf(umbrella);
            clauses[at] = AddUp(clauses[at], [.. parts.Select(part => clauses[catalogue.PositionOf(part)])]);
        }
        return clauses;
    }

    private static IEnumerable<(string Umbrella, string[] Parts)> AllSums()
    {
        var umbrellas = Umbrellas.Load();
        var all = ClauseCatalogue.Load().Clauses;
        return umbrellas.Clauses.Select(umbrella => (umbrella, (string[])[.. all.Where(clause => umbrellas.IsPart(umbrella, clause)).Select(clause => clause.Id)]));
    }

    /// <summary>The verdict of a clause that asks for others to be kept: the worst of theirs, and the reason names those that have it.</summary>
    private static ClauseResult AddUp(ClauseResult sum, IReadOnlyList<ClauseResult> parts)
    {
        var judged = parts.Where(part => part.Verdict is not (Verdict.NotTested or Verdict.NotApplicable)).ToList();
        if (judged.Count == 0)
            return parts.Any(part => part.Verdict == Verdict.NotApplicable) ? sum with { Verdict = Verdict.NotApplicable, Reason = "none of the clauses that it asks for applies" } : sum;
        var worst = judged.Max(part => part.Verdict);
        var decisive = judged.Where(part => part.Verdict == worst).Select(part => part.Clause.Id).ToList();
        var reason = worst == Verdict.Pass
            ? FormattableString.Invariant($"{judged.Count} clauses that it asks for are kept")
            : FormattableString.Invariant($"{decisive.Count} of the {judged.Count} clauses that it asks for: {string.Join(", ", decisive.Take(MostNamed))}{(decisive.Count > MostNamed ? ", ..." : "")}");
        return sum with { Verdict = worst, Reason = reason };
    }

    // Where another clause was broken, that one has the verdict, and of the check's own nothing could be seen.
    private static IEnumerable<(string Clause, CheckResult Result)> Charges(CheckResult result)
    {
        if (result.ChargedTo is not { } charged) return result.Check.Clauses.Select(id => (id, result));
        return result.Check.Clauses.Where(id => id != charged).Select(id => (id, result with { Verdict = Verdict.Error })).Append((charged, result));
    }

    private ClauseResult Judge(Clause clause, IReadOnlyList<CheckResult> results)
    {
        if (clause.WhyNotIn(spec) is { } why) return new(clause, Verdict.NotApplicable, [.. results.Select(r => r.Check.Id)], why);
        if (results.Count == 0) return new(clause, Verdict.NotTested, [], notTested.ReasonFor(clause, judged));
        // A check that does not apply to this device says nothing, so the others decide.
        var telling = results.Where(r => r.Verdict != Verdict.NotApplicable).DefaultIfEmpty(results[0]);
        var worst = telling.MaxBy(r => r.Verdict)!;
        var reason = worst.Verdict is Verdict.NotApplicable or Verdict.Skip or Verdict.Missing ? worst.Expected : "";

        // A permission cannot be broken, but who is judged has to bear that it is made use of.
        var isUsed = worst.Verdict >= Verdict.Warn && worst.Check.Uses.Contains(clause.Id);
        return isUsed
            ? new(clause, worst.Verdict == Verdict.Fail ? Verdict.Warn : worst.Verdict, [.. results.Select(r => r.Check.Id)], $"made use of where {worst.Check.Clauses[0]} is broken")
            : new(clause, worst.Verdict, [.. results.Select(r => r.Check.Id)], reason);
    }
}
