using Viommu.Fuzz.Engine.Findings;

namespace Viommu.Fuzz.Reports;

/// <summary>A finding of a run.</summary>
/// <param name="Finding">What is broken.</param>
/// <param name="Length">Length of the input that is kept, in bytes.</param>
/// <param name="File">Where the input is; null where it could not be written.</param>
internal sealed record ReportedFinding(Finding Finding, int Length, string? File);
