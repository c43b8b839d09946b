using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Engine.Findings;

namespace Viommu.Fuzz.Targets;

/// <summary>Makes findings out of what the oracle says.</summary>
internal static class Deviation
{
    /// <summary>The finding; <paramref name="operation"/> is part of its key.</summary>
    public static BrokenInvariantException From(in Judgement judgement, string operation) =>
        new(judgement.ClauseId, $"{operation} {judgement.Kind} {judgement.Answer}".TrimEnd(), $"{operation} {judgement} ({judgement.Level})");
}
