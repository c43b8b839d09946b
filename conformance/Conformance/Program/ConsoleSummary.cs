using System.Globalization;
using Spectre.Console;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Program;

/// <summary>What a run comes to, told once it is over and the progress line is gone.</summary>
internal static class ConsoleSummary
{
    private const int VerdictColumn = 8;

    public static void Print(IAnsiConsole console, RunSnapshot run)
    {
        foreach (var group in run.Checks.Where(c => c.Verdict == Verdict.Missing).GroupBy(c => c.Expected))
        {
            console.WriteLine();
            console.Labelled(Verdict.Missing.Name(), VerdictColumn, $"{Number(group.Count())} checks have no result: {group.Key}", TextLines.StyleOf(Verdict.Missing));
        }
        if (run.Complaints.Count > 0)
        {
            console.WriteLine();
            console.Line(("Expectations file", new Style(decoration: Decoration.Bold)));
        }
        foreach (var complaint in run.Complaints) console.Labelled("STALE", VerdictColumn, complaint, TextLines.StyleOf(Verdict.Fail));

        console.WriteLine();
        console.Write(Tally(run));
    }

    /// <summary>Why the program ends with the exit code that it ends with.</summary>
    public static string Closing(RunSnapshot run)
    {
        var said = run.Checks.Where(c => run.IsFinding(c) || c.Verdict.IsHarnessFault()).GroupBy(c => c.Verdict).OrderByDescending(g => g.Key)
            .Select(g => $"{Number(g.Count())} {g.Key.Name()}").ToList();
        if (run.Complaints.Count > 0) said.Add($"{Number(run.Complaints.Count)} stale in the expectations file");
        return $"{(said.Count == 0 ? "as expected" : string.Join(", ", said))}: exit {Number(run.ExitCode)}";
    }

    private static Table Tally(RunSnapshot run)
    {
        var clauses = run.Clauses.GroupBy(c => c.Verdict).ToDictionary(g => g.Key, g => g.Count());
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumn("verdict").AddColumn(new TableColumn("checks").RightAligned()).AddColumn(new TableColumn("clauses").RightAligned());
        foreach (var verdict in Enum.GetValues<Verdict>())
        {
            int checks = run.Checks.Count(c => c.Verdict == verdict);
            int rows = clauses.GetValueOrDefault(verdict);
            if (checks + rows > 0) table.AddRow(new Text(verdict.Name(), TextLines.StyleOf(verdict)), new Text(Number(checks)), new Text(Number(rows)));
        }
        return table;
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
