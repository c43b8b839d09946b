using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using HandlebarsDotNet;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Comparing;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Reports;

/// <summary><c>index.html</c>, <c>comparison.json</c> and <c>summary.md</c> of several runs side by side.</summary>
internal static class ComparisonReport
{
    private const int Schema = 1;

    private static readonly Lazy<HandlebarsTemplate<object, object>> Template = new(() => PageTemplate.Compile("compare"));

    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // no HTML around it
    };

    /// <summary>Writes the files; throws <see cref="ReportException"/> where that cannot be done.</summary>
    public static void Write(string folder, Comparison comparison, Traceability trace)
    {
        ReportFolder.Create(folder);
        ReportFolder.Replace(Path.Combine(folder, "comparison.json"), Json(comparison));
        ReportFolder.Replace(Path.Combine(folder, "summary.md"), Markdown(comparison));
        ReportFolder.Replace(Path.Combine(folder, "index.html"), Html(comparison, trace, [.. comparison.Runs.Select(run => LinkTo(folder, run.Name))]));
    }

    internal static string Json(Comparison comparison) => JsonSerializer.Serialize(
        new
        {
            Schema,
            Tool = new { Tool.Version },
            Runs = comparison.Runs.Select(run => new
            {
                run.Name,
                Tool = run.Tool,
                Spec = run.Spec.Name(),
                Target = new { run.Target.Name, run.Target.Version, run.Target.Configuration },
                run.Seed,
                Summary = comparison.Verdicts.Where(v => run.Count(v) > 0).ToDictionary(v => v.Name(), run.Count),
            }),
            Regression = comparison.HasRegression,
            Changes = comparison.Counts.ToDictionary(c => c.Change.Name(), c => c.Count),
            Checks = comparison.Checks.Where(check => check.Differs || check.Change != Change.None).Select(check => new
            {
                check.Id,
                Change = check.Change.Name(),
                Verdicts = check.Results.Select(result => result?.Verdict.Name()),
                Observed = check.Results.Select(result => result?.Observed.Name()),
                Actual = check.Results.Select(result => result?.Actual),
            }),
        },
        Format) + "\n";

    internal static string Markdown(Comparison comparison)
    {
        var text = new StringBuilder();
        Line(text, $"# virtio-iommu conformance, {comparison.Runs.Count} runs side by side\n");
        foreach (var caveat in comparison.Caveats()) Line(text, $"- {MarkdownReport.Escape(caveat)}\n");
        Row(text, ["#", "run", "target", "virtio", .. comparison.Verdicts.Select(v => v.Name())]);
        Row(text, ["---:", "---", "---", "---", .. comparison.Verdicts.Select(_ => "---:")]);
        for (int i = 0; i < comparison.Runs.Count; i++)
        {
            var run = comparison.Runs[i];
            Row(text, [Number(i + 1), MarkdownReport.Escape(run.Name), MarkdownReport.Escape(run.Target.ToString()), run.Spec.Name(), .. comparison.Verdicts.Select(v => Number(run.Count(v)))]);
        }
        Line(text, $"\n## What changed from 1 to {comparison.Runs.Count}: {comparison.Changed.Count}\n");
        if (comparison.Changed.Count > 0) Table(text, ["change", "check", "1", Number(comparison.Runs.Count)],
            comparison.Changed.Select(c => (string[])[c.Change.Name(), MarkdownReport.Escape(c.Id), Word(c.Results[0]), Word(c.Results[^1])]));
        Line(text, $"\n## Checks whose verdict differs: {comparison.Differing.Count}\n");
        if (comparison.Differing.Count > 0) Table(text, ["check", .. comparison.Runs.Select((_, i) => Number(i + 1))],
            comparison.Differing.Select(c => (string[])[MarkdownReport.Escape(c.Id), .. c.Results.Select(Word)]));
        return text.ToString();
    }

    internal static string Html(Comparison comparison, Traceability trace, IReadOnlyList<string?> links) => Template.Value(new
    {
        count = comparison.Runs.Count,
        outcome = comparison.HasRegression ? "Something got worse" : comparison.Changed.Count == 0 ? "Nothing changed" : "Nothing got worse",
        outcomeClass = comparison.HasRegression ? "bad" : "good",
        caveats = comparison.Caveats().Select(PlainText.Shown).ToList(),
        verdicts = comparison.Verdicts.Select(v => new { name = v.Name(), verdictClass = HtmlReport.Class(v) }).ToList(),
        runs = comparison.Runs.Select((run, i) => new
        {
            number = i + 1,
            name = PlainText.Shown(run.Name),
            link = links[i],
            target = PlainText.Shown(run.Target.ToString()),
            spec = run.Spec.Name(),
            tool = PlainText.Shown(run.Tool),
            seed = run.Seed.ToString(CultureInfo.InvariantCulture),
            counts = comparison.Verdicts.Select(v => Number(run.Count(v))).ToList(),
        }).ToList(),
        changed = comparison.Changed.Select(check => new
        {
            id = PlainText.Shown(check.Id),
            clause = PlainText.Shown(check.Clause),
            change = check.Change.Name(),
            changeClass = Class(check.Change),
            before = Word(check.Results[0]),
            beforeClass = Class(check.Results[0]),
            after = Word(check.Results[^1]),
            afterClass = Class(check.Results[^1]),
            seen = Seen(check.Results[^1]),
        }).ToList(),
        differing = comparison.Differing.Select(check => new
        {
            id = PlainText.Shown(check.Id),
            clause = PlainText.Shown(check.Clause),
            cells = check.Results.Select(result => new { name = Word(result), verdictClass = Class(result), why = Seen(result) }).ToList(),
        }).ToList(),
        grid = ClauseGrid.Of(trace, [.. comparison.Runs.Zip(links)]),
    });

    /// <summary>Where the run's own page is, seen from the folder; null where there is none.</summary>
    private static string? LinkTo(string folder, string run)
    {
        var page = Path.Combine(Directory.Exists(run) ? run : Path.GetDirectoryName(run) ?? "", "index.html");
        return File.Exists(page) ? string.Join('/', Path.GetRelativePath(folder, page).Split(Path.DirectorySeparatorChar).Select(Uri.EscapeDataString)) : null;
    }

    /// <summary>What the device did, or why nothing is said of it.</summary>
    private static string Seen(Recorded.RecordedCheck? result) =>
        result is null ? "" : PlainText.Shown(result.Actual.Length > 0 ? result.Actual : result.Verdict == Verdict.Pass ? "" : result.Expected);

    private static string Word(Recorded.RecordedCheck? result) => result?.Verdict.Name() ?? "";

    private static string Class(Recorded.RecordedCheck? result) => result is null ? "" : HtmlReport.Class(result.Verdict);

    private static string Class(Change change) =>
        HtmlReport.Class(change.IsRegression() ? Verdict.Fail : change is Change.Fixed or Change.Better ? Verdict.Pass : Verdict.Skip);

    private static void Table(StringBuilder text, IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows)
    {
        Row(text, header);
        Row(text, header.Select(_ => "---"));
        foreach (var row in rows) Row(text, row);
    }

    private static void Row(StringBuilder text, IEnumerable<string> cells) => text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
