using System.Globalization;
using System.Text;
using System.Text.Json;
using Viommu.Conformance.Reports;

namespace Viommu.Fuzz.Reports;

/// <summary>A finding that was run again.</summary>
/// <param name="Key">Its key, as it was found.</param>
/// <param name="Now"><c>same</c>, <c>gone</c>, or <c>drifted to</c> another key.</param>
/// <param name="Target">The fuzz target.</param>
/// <param name="Device">The device that it was run on.</param>
/// <param name="Seed">The seed of the campaign that found it; null where that is not known.</param>
/// <param name="Message">What was expected and what came.</param>
/// <param name="Story">All that there is to say of it, in lines.</param>
/// <param name="Inputs">Files that show it.</param>
/// <param name="Again">The command that shows it again.</param>
internal sealed record TriageRow(string Key, string Now, string Target, string Device, ulong? Seed, string Message, IReadOnlyList<string> Story, IReadOnlyList<string> Inputs, string Again);

/// <summary>What <c>fuzz triage</c> found out, as a file.</summary>
internal static class TriageReport
{
    /// <summary>The text of a file of that name; null where its extension is none that there is a form for.</summary>
    public static string? For(string file, IReadOnlyList<TriageRow> rows) => Path.GetExtension(file) switch
    {
        ".json" => JsonSerializer.Serialize(rows, FindingRecord.Options) + "\n",
        ".md" => Markdown(rows),
        _ => null,
    };

    private static string Markdown(IReadOnlyList<TriageRow> rows)
    {
        var text = new StringBuilder();
        Line(text, $"# Findings: {rows.Count}, {rows.Count(row => row.Now == "gone")} gone\n");
        Line(text, $"| finding | now | target | device |\n|---|---|---|---|");
        foreach (var row in rows) Line(text, $"| {MarkdownReport.Escape(row.Message)} | {MarkdownReport.Escape(row.Now)} | {row.Target} | {MarkdownReport.Escape(row.Device)} |");
        foreach (var row in rows)
        {
            string body = PlainText.Shown(string.Join('\n', (string[])[.. row.Story, $"key      {row.Key}", .. row.Inputs.Select(input => $"input    {input}")]));
            string fence = MarkdownReport.Fence(body);
            Line(text, $"\n## {MarkdownReport.Escape($"{row.Message}: {row.Now}")}\n\n{fence}text\n{body}\n{fence}\n\nAgain: `{row.Again}`");
        }

        return text.ToString();
    }

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
