namespace Viommu.Conformance.Running;

/// <summary>How many of the clauses that can be judged at all are judged.</summary>
/// <param name="Covered">Clauses that are judged.</param>
/// <param name="Observable">Clauses whose keeping somebody can see.</param>
internal sealed record Coverage(int Covered, int Observable)
{
    /// <summary>In percent; everything, where there is nothing to cover.</summary>
    public double Percent => Observable == 0 ? 100 : 100.0 * Covered / Observable;

    /// <summary>Counts clauses; one that is judged although the catalogue takes it for unobservable counts on both sides.</summary>
    public static Coverage Of(IReadOnlyList<ClauseTrace> rows, Func<ClauseTrace, bool> isJudged)
    {
        var judged = rows.Count(isJudged);
        return new(judged, judged + rows.Count(row => !row.IsUnobservable && !isJudged(row)));
    }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Covered} of {Observable} observable clauses: {Percent:0.0} %");
}
