using Viommu.Conformance.Catalogue;

namespace Viommu.Conformance.Watching;

/// <summary>One rule of the spec that binds drivers, judged by watching one.</summary>
/// <param name="Id">Clause id, a dot, and the rule as a slug; never reused.</param>
/// <param name="Title">The rule as a sentence.</param>
/// <param name="Clauses">The clause that a violation breaks, others of the same level that the same observation judges, and permissions that are made use of.</param>
/// <param name="Level">The level of the first clause.</param>
/// <param name="Does">What is looked at.</param>
/// <param name="Reading">How to read what is seen.</param>
/// <param name="Needs">What a source has to show.</param>
/// <param name="Transports">Where the clause means something; empty for all.</param>
/// <param name="Consumes">The observations that it is given: this type, and those derived from it.</param>
public sealed record DriverRule(
    string Id, string Title, IReadOnlyList<string> Clauses, Level Level, string Does, string Reading, Sight Needs,
    IReadOnlyList<WatchedTransport> Transports, Type Consumes)
    : SpecRule(Id, Title, Clauses, Level, Does, Reading)
{
    /// <summary>True where a recording that begins in the middle can be judged from its beginning.</summary>
    public bool FromAnywhere { get; init; }

    /// <summary>Looks at one observation.</summary>
    public required Action<Judge, Observation> Body { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Id;
}
