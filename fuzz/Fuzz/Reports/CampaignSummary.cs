using System.Globalization;
using System.Text;
using Viommu.Conformance.Reports;

namespace Viommu.Fuzz.Reports;

/// <summary><c>summary.md</c> of a campaign: figures and findings, for a CI job's page or a pull request.</summary>
internal static class CampaignSummary
{
    public static string Render(CampaignOutcome outcome)
    {
        var text = new StringBuilder();
        Line(text, $"# virtio-iommu fuzzing: {MarkdownReport.Escape(outcome.Target)} on {MarkdownReport.Escape(outcome.Device)}\n");
        Line(text, $"Seed {outcome.Seed}.\n");
        Line(text, $"| | |\n|---|---:|");
        Line(text, $"| new findings | {outcome.New.Count()} |");
        Line(text, $"| known findings | {outcome.Known.Count()} |");
        if (outcome.Figures is var (end, elapsed))
        {
            Line(text, $"| executions | {end.Executions} |");
            Line(text, $"| seconds | {elapsed.TotalSeconds:0.0} |");
            Line(text, $"| executions a second | {end.Executions / Math.Max(elapsed.TotalSeconds, 0.001):0} |");
            Line(text, $"| operations an execution | {(double)end.Operations / Math.Max(end.Executions, 1):0.0} |");
            Line(text, $"| inputs in the corpus | {end.Corpus} |");
            Line(text, $"| edges | {end.Edges} |");
            Line(text, $"| states | {end.States} |");
        }

        if (outcome.New.Any()) Line(text, $"\n## Findings");
        foreach (var found in outcome.New) Tell(text, outcome, found);
        List(text, "Known findings", [.. outcome.Known.Select(found => $"`{found.Finding.Key}`: {MarkdownReport.Escape($"{found.Known!.Reason} ({found.Known.Url})")}")]);
        List(text, "Expired entries", [.. outcome.Complaints.Select(MarkdownReport.Escape)]);
        List(text, "Known findings that did not come up", [.. outcome.Unseen.Select(MarkdownReport.Escape)]);
        return text.ToString();
    }

    private static void Tell(StringBuilder text, CampaignOutcome outcome, ReportedFinding found)
    {
        Line(text, $"\n### {MarkdownReport.Escape(found.Finding.Message)}\n");
        string body = PlainText.Shown(string.Join('\n', (string[])[.. found.Lines, $"key      {found.Finding.Key}"]));
        string fence = MarkdownReport.Fence(body);
        Line(text, $"{fence}text\n{body}\n{fence}");
        if (found.File is not null) Line(text, $"\nAgain: `{FindingRecord.ReplayCommand(outcome.Target, outcome.Device, found.File)}`");
    }

    private static void List(StringBuilder text, string title, IReadOnlyList<string> rows)
    {
        if (rows.Count == 0) return;
        Line(text, $"\n<details><summary>{title}: {rows.Count}</summary>\n");
        foreach (var row in rows) Line(text, $"- {row}");
        Line(text, $"\n</details>");
    }

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
