namespace Viommu.Conformance.Running;

/// <summary>What one execution of a check showed.</summary>
/// <param name="Verdict">Before the user's expectations are applied.</param>
/// <param name="Expected">What the clause asks for, or the reason for N/A; empty for a plain PASS.</param>
/// <param name="Actual">What the device did; empty for a plain PASS.</param>
/// <param name="Evidence">The exchanges that show it, decoded and in hex, one line each.</param>
/// <param name="Milliseconds">Wall-clock time.</param>
public sealed record CheckOutcome(Verdict Verdict, string Expected, string Actual, IReadOnlyList<string> Evidence, long Milliseconds)
{
    /// <summary>The clause that was broken, where it is another than the check's: a ground rule that stood in the way of what the check wanted to see.</summary>
    public string? ChargedTo { get; init; }
}
