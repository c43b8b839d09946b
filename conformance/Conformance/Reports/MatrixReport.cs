using System.Globalization;
using System.Text;
using HandlebarsDotNet;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Recorded;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Reports;

/// <summary>
/// <c>summary.md</c> and <c>index.html</c> of a matrix: the forms of the target with their verdicts counted, and the checks whose
/// verdict is not the same everywhere. Each form has a folder of its own beside them, with its whole report.
/// </summary>
internal static class MatrixReport
{
    private static readonly Lazy<HandlebarsTemplate<object, object>> Template = new(() => PageTemplate.Compile("matrix"));

    /// <summary>Writes both files; throws <see cref="ReportException"/> where that cannot be done.</summary>
    public static void Write(string folder, MatrixSnapshot matrix, Traceability trace)
    {
        ReportFolder.Replace(Path.Combine(folder, "summary.md"), Markdown(matrix));
        ReportFolder.Replace(Path.Combine(folder, "index.html"), Html(matrix, trace));
    }

    internal static string Markdown(MatrixSnapshot matrix)
    {
        var text = new StringBuilder();
        Line(text, $"# virtio-iommu conformance, {matrix.Runs.Count} combinations");
        Line(text, $"\nvirtio {matrix.Runs[0].Run.Spec.Name()}, tool {Tool.Version}, seed {matrix.Runs[0].Run.Seed}.\n");
        Row(text, ["combination", .. matrix.Verdicts.Select(v => v.Name()), "exit"]);
        Row(text, ["---", .. matrix.Verdicts.Select(_ => "---:"), "---:"]);
        foreach (var (name, run) in matrix.Runs)
            Row(text, [$"[{name}]({name}/summary.md)", .. matrix.Verdicts.Select(v => Number(MatrixSnapshot.Count(run, v))), Number(run.ExitCode)]);

        Line(text, $"\n## Checks whose verdict differs: {matrix.Differing.Count}\n");
        if (matrix.Differing.Count == 0) return text.ToString();
        Row(text, ["check", .. matrix.Runs.Select(r => r.Name)]);
        Row(text, ["---", .. matrix.Runs.Select(_ => "---")]);
        foreach (var (check, results) in matrix.Differing) Row(text, [MarkdownReport.Escape(check.Id), .. results.Select(result => result.Verdict.Name())]);
        return text.ToString();
    }

    internal static string Html(MatrixSnapshot matrix, Traceability trace) => Template.Value(new
    {
        spec = matrix.Runs[0].Run.Spec.Name(),
        tool = Tool.Version,
        seed = matrix.Runs[0].Run.Seed.ToString(CultureInfo.InvariantCulture),
        count = matrix.Runs.Count,
        outcome = matrix.ExitCode switch { ExitCode.AsExpected => "As expected", ExitCode.Findings => "Findings", _ => "Checks without a result" },
        outcomeClass = Class(matrix.ExitCode),
        verdicts = matrix.Verdicts.Select(v => new { name = v.Name(), verdictClass = HtmlReport.Class(v) }).ToList(),
        runs = matrix.Runs.Select(r => new
        {
            name = r.Name,
            target = r.Run.Target.ToString(),
            outcome = HtmlReport.Outcome(r.Run),
            outcomeClass = Class(r.Run.ExitCode),
            counts = matrix.Verdicts.Select(v => Number(MatrixSnapshot.Count(r.Run, v))).ToList(),
        }).ToList(),
        differing = matrix.Differing.Select(row => new
        {
            id = row.Check.Id,
            clause = row.Check.Clauses[0],
            title = row.Check.Title,
            cells = row.Results.Select((result, i) => new
            {
                name = matrix.Runs[i].Name,
                verdict = result.Verdict.Name(),
                verdictClass = HtmlReport.Class(result.Verdict),
                why = PlainText.Shown(result.Verdict == Verdict.Pass ? result.Actual : result.Expected),
            }).ToList(),
        }).ToList(),
        grid = ClauseGrid.Of(trace, [.. matrix.Runs.Select(r => (RecordedRun.Of(r.Name, r.Run), (string?)$"{r.Name}/index.html"))]),
    });

    private static string Class(int exitCode) => exitCode switch { ExitCode.AsExpected => "good", ExitCode.Findings => "bad", _ => "odd" };

    private static void Row(StringBuilder text, IEnumerable<string> cells) => text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
