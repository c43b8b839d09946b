using System.Diagnostics.CodeAnalysis;
using Viommu.Fuzz.Engine.Findings;

namespace Viommu.Fuzz.Transports.Judging;

/// <summary>Says what a device broke.</summary>
internal static class Broken
{
    /// <summary>A finding: the clause or invariant, what tells apart the ways of breaking it, and what was seen, for people.</summary>
    [DoesNotReturn]
    public static void Rule(string rule, string state, string message) => throw new BrokenInvariantException(rule, state, message);
}
