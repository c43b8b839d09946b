namespace Viommu.Fuzz.Engine.Findings;

/// <summary>An oracle found something broken.</summary>
/// <param name="rule">The clause or invariant, as findings are told apart by it.</param>
/// <param name="state">The abstract state in which it broke, likewise.</param>
/// <param name="message">What was expected and what came, for people.</param>
public sealed class BrokenInvariantException(string rule, string state, string message) : Exception(message)
{
    /// <summary>The clause or invariant.</summary>
    public string Rule { get; } = rule;

    /// <summary>The abstract state in which it broke.</summary>
    public string State { get; } = state;
}
