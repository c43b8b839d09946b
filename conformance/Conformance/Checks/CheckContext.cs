namespace Viommu.Conformance.Checks;

/// <summary>What a check works with.</summary>
public sealed class CheckContext
{
}
