using Viommu.Conformance.Catalogue;

namespace Viommu.Conformance.Running;

/// <summary>Something that judges clauses, and what proves that it can fail.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Title">The rule as a sentence.</param>
/// <param name="Clauses">The clauses that it judges.</param>
/// <param name="Proofs">What it has been seen red on: devices and drivers, each with a rule broken.</param>
internal sealed record TracedRule(string Id, string Title, IReadOnlyList<string> Clauses, IReadOnlyList<string> Proofs);

/// <summary>A clause with all that stands behind its verdict.</summary>
/// <param name="Clause">The clause.</param>
/// <param name="Rules">What judges it.</param>
/// <param name="Proofs">What proves that they can fail.</param>
/// <param name="Reason">Why nothing judges it; empty where something does.</param>
internal sealed record ClauseTrace(Clause Clause, IReadOnlyList<TracedRule> Rules, IReadOnlyList<string> Proofs, string Reason)
{
    /// <summary>True where nobody can see whether the clause is kept, so that no rule can judge it.</summary>
    public bool IsUnobservable => Clause.Observable == "no";
}

/// <summary>Leads from every clause to the rules that judge it, and from those to the broken devices and drivers that prove them.</summary>
internal sealed class Traceability
{
    public Traceability(ClauseCatalogue catalogue, NotTested notTested, IEnumerable<TracedRule> rules)
    {
        var byClause = rules.SelectMany(rule => rule.Clauses.Select(id => (id, rule))).ToLookup(p => p.id, p => p.rule);
        Rows = [.. catalogue.Clauses.Select(clause =>
        {
            IReadOnlyList<TracedRule> own = [.. byClause[clause.Id]];
            return new ClauseTrace(clause, own, [.. own.SelectMany(rule => rule.Proofs).Distinct()], own.Count == 0 ? notTested.ReasonFor(clause.Id) : "");
        })];
    }

    /// <summary>A row for each clause, in the order of the spec.</summary>
    public IReadOnlyList<ClauseTrace> Rows { get; }
}
