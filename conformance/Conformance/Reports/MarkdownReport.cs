using System.Globalization;
using System.Text;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Reports;

/// <summary><c>summary.md</c>: the counts, every finding with its evidence, and what was not judged; for a CI job's page.</summary>
internal sealed class MarkdownReport(ClauseCatalogue catalogue) : IReport
{
    public string FileName => "summary.md";

    public TimeSpan Interval => TimeSpan.FromMilliseconds(200);

    public string Render(RunSnapshot run)
    {
        var text = new StringBuilder();
        Line(text, $"# virtio-iommu conformance: {Escape(run.Target.ToString())}");
        Line(text, $"");
        Line(text, $"virtio {run.Spec.Name()}, tool {Tool.Version}, seed {run.Seed}, features offered: {string.Join(", ", run.FeatureNames)}.");
        if (!run.Over) Line(text, $"\n**The run was not over when this was written.** Checks without a result are MISSING.");

        Line(text, $"\n| verdict | checks | clauses |\n|---|---:|---:|");
        var clauses = run.Clauses.GroupBy(c => c.Verdict).ToDictionary(g => g.Key, g => g.Count());
        foreach (var verdict in Enum.GetValues<Verdict>().Reverse())
        {
            int checks = run.Checks.Count(c => c.Verdict == verdict);
            int rows = clauses.GetValueOrDefault(verdict);
            if (checks + rows > 0) Line(text, $"| {verdict.Name()} | {checks} | {rows} |");
        }

        if (run.Complaints.Count > 0) Line(text, $"\n## Expectations file\n");
        foreach (var complaint in run.Complaints) Line(text, $"- {Escape(complaint)}");

        var told = run.Checks.Where(c => c.Verdict >= Verdict.Warn).ToList();
        if (told.Count > 0) Line(text, $"\n## Findings");
        foreach (var result in told) Tell(text, result);

        Versions(text, new SpecDiff(run));
        List(text, run, "Expected failures", Verdict.ExpectedFailure, r => r.Evidence.LastOrDefault(r.Actual));
        List(text, run, "Not applicable", Verdict.NotApplicable, r => r.Expected);
        List(text, run, "Missing", Verdict.Missing, r => r.Expected);
        return text.ToString();
    }

    private void Tell(StringBuilder text, CheckResult result)
    {
        Line(text, $"\n### {result.Verdict.Name()} {result.Check.Id}\n");
        foreach (var id in result.Check.Clauses)
        {
            if (catalogue.TryGet(id, out var clause)) Line(text, $"{clause.Id} ({clause.KeywordShown}, {clause.Source}): {Escape(clause.Paraphrase)}  ");
        }
        var lines = new List<string> { $"expected: {result.Expected}", $"actual:   {result.Actual}" };
        lines.AddRange(result.Evidence);
        var body = PlainText.Shown(string.Join('\n', lines));
        var fence = Fence(body);
        Line(text, $"\n{fence}text\n{body}\n{fence}");
    }

    private static void Versions(StringBuilder text, SpecDiff diff)
    {
        if (diff.Changing.Count == 0) return;
        Line(text, $"\n## By version of virtio\n");
        Line(text, $"Clauses whose verdict is not the same by all versions: {diff.Changing.Count}.\n");
        Line(text, $"| clause | {string.Join(" | ", diff.Versions.Select(v => v.Name()))} |\n|---|{string.Concat(diff.Versions.Select(_ => "---|"))}");
        foreach (var clause in diff.Changing)
            Line(text, $"| {clause.Clause.Id} | {string.Join(" | ", diff.Versions.Select(v => SpecDiff.By(v, clause).Name()))} |");
    }

    private static void List(StringBuilder text, RunSnapshot run, string title, Verdict verdict, Func<CheckResult, string> why)
    {
        var results = run.Checks.Where(c => c.Verdict == verdict).ToList();
        if (results.Count == 0) return;
        Line(text, $"\n<details><summary>{title}: {results.Count}</summary>\n");
        foreach (var result in results) Line(text, $"- `{result.Check.Id}`: {Escape(why(result))}");
        Line(text, $"\n</details>");
    }

    /// <summary>A fence that is longer than any run of backticks in what it encloses.</summary>
    internal static string Fence(string body)
    {
        int longest = 0, run = 0;
        foreach (char c in body) longest = Math.Max(longest, run = c == '`' ? run + 1 : 0);
        return new('`', Math.Max(3, longest + 1));
    }

    internal static string Escape(string value)
    {
        var text = new StringBuilder();
        foreach (char c in PlainText.Shown(value).Replace('\n', ' '))
        {
            if (c is '\\' or '`' or '*' or '_' or '[' or ']' or '<' or '>' or '|' or '#' or '&') text.Append('\\');
            text.Append(c);
        }
        return text.ToString();
    }

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
