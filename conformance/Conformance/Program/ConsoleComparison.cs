using System.Globalization;
using Spectre.Console;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Comparing;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Program;

/// <summary>What several runs come to side by side: their verdicts counted, what changed from the first to the last, and what differs at all.</summary>
internal static class ConsoleComparison
{
    private const int ChangeColumn = 12;
    private const int VerdictWidth = 4;

    private static readonly Style Heading = new(decoration: Decoration.Bold);

    public static void Print(IAnsiConsole console, Comparison comparison)
    {
        console.Write(Runs(comparison));
        foreach (var caveat in comparison.Caveats()) console.Labelled("note", ChangeColumn, caveat);

        console.Line((string.Create(CultureInfo.InvariantCulture, $"What changed from 1 to {comparison.Runs.Count}"), Heading));
        foreach (var check in comparison.Changed)
        {
            var (before, after) = (check.Results[0], check.Results[^1]);
            console.Labelled(check.Change.Name(), ChangeColumn, $"{check.Id}: {before?.Verdict.Name() ?? "none"} -> {after?.Verdict.Name() ?? "none"}", StyleOf(check.Change));
            if (check.Change.IsRegression() && after!.Actual.Length > 0) console.Labelled("", ChangeColumn, after.Actual, null, new Style(Color.Grey));
        }
        if (comparison.Changed.Count == 0) console.Line("nothing");

        if (comparison.Runs.Count > 2 && comparison.Differing.Count > 0)
        {
            console.WriteLine();
            console.Line(("Verdicts that differ; columns are the runs above", Heading));
            console.Write(Differences(comparison));
        }
        console.WriteLine();
    }

    /// <summary>The counts of changes, in a line.</summary>
    public static string Closing(Comparison comparison) => comparison.Counts.Count == 0
        ? "no change"
        : string.Join(", ", comparison.Counts.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Count} {c.Change.Name()}")));

    private static Table Runs(Comparison comparison)
    {
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumn("#").AddColumn("run").AddColumn("target").AddColumn("virtio");
        foreach (var verdict in comparison.Verdicts) table.AddColumn(new TableColumn(verdict.Name()).RightAligned());
        for (int i = 0; i < comparison.Runs.Count; i++)
        {
            var run = comparison.Runs[i];
            table.AddRow([
                new Text(Number(i + 1)), new Text(PlainText.Shown(run.Name)), new Text(PlainText.Shown(run.Target.ToString())), new Text(run.Spec.Name()),
                .. comparison.Verdicts.Select(v => new Text(Number(run.Count(v)), TextLines.StyleOf(v)))]);
        }
        return table;
    }

    private static Table Differences(Comparison comparison)
    {
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumn("check");
        for (int i = 0; i < comparison.Runs.Count; i++) table.AddColumn(new TableColumn(Number(i + 1)) { NoWrap = true, Width = VerdictWidth });
        foreach (var check in comparison.Differing)
        {
            table.AddRow([
                new Text(PlainText.Shown(check.Id)),
                .. check.Results.Select(result => result is null ? new Text("") : new Text(result.Verdict.Name(), TextLines.StyleOf(result.Verdict)))]);
        }
        return table;
    }

    private static Style StyleOf(Change change) =>
        TextLines.StyleOf(change.IsRegression() ? Verdict.Fail : change is Change.Fixed or Change.Better ? Verdict.Pass : Verdict.Skip);

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
