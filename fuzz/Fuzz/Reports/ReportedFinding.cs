using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Expectations;

namespace Viommu.Fuzz.Reports;

/// <summary>A finding of a run.</summary>
/// <param name="Finding">What is broken.</param>
/// <param name="Length">Length of the input that is kept, in bytes.</param>
/// <param name="File">Where the input is; null where it could not be written.</param>
/// <param name="Story">What there is to say of it; null where <see cref="Finding.Details"/> say it all.</param>
internal sealed record ReportedFinding(Finding Finding, int Length, string? File, FindingStory? Story = null)
{
    /// <summary>The entry that has foretold it; null where none has.</summary>
    public KnownFinding? Known { get; init; }

    /// <summary>Everything behind the message, a line each.</summary>
    public IEnumerable<string> Lines => [.. Story?.Tell(Finding.Key.Rule) ?? [], .. Finding.Details.Length > 0 ? Finding.Details.ReplaceLineEndings("\n").Split('\n') : []];
}
