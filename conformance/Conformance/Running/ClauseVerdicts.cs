using Viommu.Conformance.Catalogue;

namespace Viommu.Conformance.Running;

/// <summary>What is said of every clause, by its checks or by the reason for having none.</summary>
internal sealed class ClauseVerdicts(ClauseCatalogue catalogue, NotTested notTested)
{
    public IReadOnlyList<ClauseResult> Of(IReadOnlyList<CheckResult> results)
    {
        var byClause = results.SelectMany(r => r.Check.Clauses.Select(id => (id, r))).ToLookup(p => p.id, p => p.r);
        return [.. catalogue.Clauses.Select(clause => Judge(clause, [.. byClause[clause.Id]]))];
    }

    private ClauseResult Judge(Clause clause, IReadOnlyList<CheckResult> results)
    {
        if (results.Count == 0) return new(clause, Verdict.NotTested, [], notTested.ReasonFor(clause.Id));
        // A check that does not apply to this device says nothing, so the others decide.
        var telling = results.Where(r => r.Verdict != Verdict.NotApplicable).DefaultIfEmpty(results[0]);
        var worst = telling.MaxBy(r => r.Verdict)!;
        var reason = worst.Verdict is Verdict.NotApplicable or Verdict.Skip or Verdict.Missing ? worst.Expected : "";
        return new(clause, worst.Verdict, [.. results.Select(r => r.Check.Id)], reason);
    }
}
