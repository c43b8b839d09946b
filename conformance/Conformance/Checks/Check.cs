using Viommu.Conformance.Catalogue;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Checks;

/// <summary>One rule of the spec, judged on one target.</summary>
/// <param name="Id">Clause id, a dot, and the rule as a slug; never reused.</param>
/// <param name="Title">The rule as a sentence.</param>
/// <param name="Clauses">The clause that a failure breaks, others of the same level that the same observation judges, and permissions that are made use of.</param>
/// <param name="Level">The level of the first clause.</param>
/// <param name="Does">What the check does.</param>
/// <param name="Reading">How to read the device's answers.</param>
/// <param name="Shape">What the device has to be for it.</param>
public sealed record Check(
    string Id, string Title, IReadOnlyList<string> Clauses, Level Level, string Does, string Reading, TargetShape Shape)
    : SpecRule(Id, Title, Clauses, Level, Does, Reading)
{
    /// <summary>True for a check that judges what happened during the whole run, and so comes after all others.</summary>
    public bool JudgesTheRun { get; init; }

    /// <summary>The check itself; it returns on PASS and throws otherwise.</summary>
    public required Action<CheckContext> Body { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Id;
}
