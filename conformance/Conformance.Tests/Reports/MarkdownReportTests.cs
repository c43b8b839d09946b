using Viommu.Conformance.Reports;
using Viommu.Conformance.Tests.Running;

namespace Viommu.Conformance.Tests.Reports;

public sealed class MarkdownReportTests
{
    private static readonly string Text = new MarkdownReport(ScriptedRun.Catalogue).Render(Samples.Mixed);

    [Fact]
    public void Findings_are_told_with_their_clause_and_evidence()
    {
        // The check's two clauses, and the two of the chapter "Conformance" that ask for them.
        Assert.Contains("| FAIL | 1 | 4 |", Text, StringComparison.Ordinal);
        Assert.Contains("### FAIL IOMMU-ATTACH-D-01.reserved-is-refused", Text, StringComparison.Ordinal);
        Assert.Contains("IOMMU-ATTACH-D-01 (MUST, device-types/iommu/description.tex:359)", Text, StringComparison.Ordinal);
        Assert.Contains("ATTACH domain=1 endpoint=0x8", Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Evidence_cannot_end_its_fence()
    {
        var fences = Text.Split('\n').Where(l => l.StartsWith("```", StringComparison.Ordinal)).Select(l => l.TrimEnd("text".ToCharArray())).ToList();
        Assert.Equal("`````", fences[0]);
        Assert.Equal(fences[0], fences[1]);
    }

    [Fact]
    public void An_unfinished_run_says_so()
    {
        var unfinished = new MarkdownReport(ScriptedRun.Catalogue).Render(Samples.Mixed with { Over = false });
        Assert.Contains("The run was not over", unfinished, StringComparison.Ordinal);
        Assert.DoesNotContain("The run was not over", Text, StringComparison.Ordinal);
    }
}
