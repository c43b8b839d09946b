namespace Viommu.Conformance.Checks;

/// <summary>What a check works with.</summary>
internal sealed class CheckContext
{
}
