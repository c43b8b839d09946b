using Viommu.Conformance.Catalogue;

namespace Viommu.Conformance.Running;

/// <summary>Something that judges clauses, and what proves that it can fail.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Title">The rule as a sentence.</param>
/// <param name="Clauses">The clauses that it judges.</param>
/// <param name="Proofs">What it has been seen red on: devices and drivers, each with a rule broken.</param>
internal sealed record TracedRule(string Id, string Title, IReadOnlyList<string> Clauses, IReadOnlyList<string> Proofs)
{
    /// <summary>Those of the clauses that are permissions of the other side, each with the proofs that punish just its use.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Uses { get; init; } = new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>The rule as it stands behind one of its clauses.</summary>
    public TracedRule For(string clause) => Uses.TryGetValue(clause, out var proofs) ? this with { Proofs = proofs } : this;
}

/// <summary>A clause with all that stands behind its verdict.</summary>
/// <param name="Clause">The clause.</param>
/// <param name="Rules">What judges it.</param>
/// <param name="Proofs">What proves that they can fail.</param>
/// <param name="Reason">Why nothing judges it, or what it adds up; empty where rules judge it.</param>
internal sealed record ClauseTrace(Clause Clause, IReadOnlyList<TracedRule> Rules, IReadOnlyList<string> Proofs, string Reason)
{
    /// <summary>Patterns of the clauses that this one adds up (<see cref="Umbrellas"/>); empty where it stands for itself.</summary>
    public IReadOnlyList<Glob> Parts { get; init; } = [];

    /// <summary>True where the clause gets a verdict: by rules, or by the clauses that it adds up.</summary>
    public bool IsJudged => Rules.Count > 0 || Parts.Count > 0;

    /// <summary>True where nobody can see whether the clause is kept, so that no rule can judge it.</summary>
    public bool IsUnobservable => Clause.Observable == "no";
}

/// <summary>Leads from every clause to the rules that judge it, and from those to the broken devices and drivers that prove them.</summary>
internal sealed class Traceability
{
    public Traceability(ClauseCatalogue catalogue, NotTested notTested, IEnumerable<TracedRule> rules)
    {
        var umbrellas = Umbrellas.Load();
        var byClause = rules.SelectMany(rule => rule.Clauses.Select(id => (id, rule: rule.For(id)))).ToLookup(p => p.id, p => p.rule);
        Rows = [.. catalogue.Clauses.Select(clause =>
        {
            IReadOnlyList<TracedRule> own = [.. byClause[clause.Id]];
            var parts = umbrellas.PartsOf(clause.Id);
            var reason = parts.Count > 0 ? $"Adds up {string.Join(", ", parts)}." : own.Count == 0 ? notTested.ReasonFor(clause.Id) : "";
            return new ClauseTrace(clause, own, [.. own.SelectMany(rule => rule.Proofs).Distinct()], reason) { Parts = parts };
        })];
    }

    /// <summary>A row for each clause, in the order of the spec.</summary>
    public IReadOnlyList<ClauseTrace> Rows { get; }
}
