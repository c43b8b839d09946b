namespace Viommu.Conformance.Catalogue;

/// <summary>A rule of the spec that a run says something about: of a device by a check, of a driver by watching it.</summary>
/// <param name="Id">Clause id, a dot, and the rule as a slug; never reused.</param>
/// <param name="Title">The rule as a sentence.</param>
/// <param name="Clauses">The clause that a failure breaks, others of the same level that the same observation judges, and <see cref="Uses"/>.</param>
/// <param name="Level">The level of the first clause.</param>
/// <param name="Does">What is done, or looked at.</param>
/// <param name="Reading">How to read what is seen.</param>
public abstract record SpecRule(string Id, string Title, IReadOnlyList<string> Clauses, Level Level, string Does, string Reading)
{
    /// <summary>True for a rule of a SHOULD that isolation hangs on.</summary>
    public bool IsSecurityRelevant { get; init; }

    /// <summary>
    /// Permissions (MAY) of the other side that are made use of. None of them can be broken; but who is judged has to bear the use, and where it does not, the first
    /// of the clauses is broken.
    /// </summary>
    public IReadOnlyList<string> Uses { get; init; } = [];

    /// <inheritdoc/>
    public override string ToString() => Id;
}
