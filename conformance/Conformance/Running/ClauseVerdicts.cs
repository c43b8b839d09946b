using Viommu.Conformance.Catalogue;

namespace Viommu.Conformance.Running;

/// <summary>
/// What is said of every clause, by its checks or by the reason for having none, in a run that judges one role by a version of the spec; a
/// clause that the version has not got is N/A.
/// </summary>
internal sealed class ClauseVerdicts(ClauseCatalogue catalogue, NotTested notTested, Role judged = Role.Device, SpecVersion spec = SpecVersions.Latest)
{
    public IReadOnlyList<ClauseResult> Of(IReadOnlyList<CheckResult> results)
    {
        var byClause = results.SelectMany(Charges).ToLookup(p => p.Clause, p => p.Result);
        return [.. catalogue.Clauses.Select(clause => Judge(clause, [.. byClause[clause.Id]]))];
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
        return new(clause, worst.Verdict, [.. results.Select(r => r.Check.Id)], reason);
    }
}
