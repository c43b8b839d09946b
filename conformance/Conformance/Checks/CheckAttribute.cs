namespace Viommu.Conformance.Checks;

/// <summary>
/// Marks a method <c>void Name_of_the_rule_as_a_sentence(CheckContext check)</c> as a check. Its id is the clause id plus the
/// method's name as a slug; its level is the clause's in the catalogue.
/// </summary>
/// <param name="clause">The clause of the catalogue, or of the list of unworded behaviour (<c>DESC-...</c>), that it judges.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CheckAttribute(string clause) : Attribute
{
    /// <summary>The clause that a failure breaks.</summary>
    public string Clause { get; } = clause;

    /// <summary>Further clauses that the same observation judges; of the same level.</summary>
    public string[] Also { get; init; } = [];

    /// <summary>
    /// Permissions (MAY) of drivers that the check makes use of. A device has to serve a driver that does so: one that punishes it breaks <see cref="Clause"/>. What
    /// is named here needs a broken device that punishes just that.
    /// </summary>
    public string[] Uses { get; init; } = [];

    /// <summary>What the check does, in a sentence or two, for <c>explain</c>.</summary>
    public required string Does { get; init; }

    /// <summary>How to read the device's answers: which are accepted, and what another one means.</summary>
    public required string Reading { get; init; }

    /// <summary>True for a check that judges what happened during the whole run, and so comes after all others.</summary>
    public bool JudgesTheRun { get; init; }

    /// <summary>Name of a static member of the declaring class that holds the <see cref="Guest.Targets.TargetShape"/> it needs; null for the target as it is.</summary>
    public string? Shape { get; init; }
}
