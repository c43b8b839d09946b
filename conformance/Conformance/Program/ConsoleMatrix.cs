using System.Globalization;
using Spectre.Console;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Program;

/// <summary>What a matrix comes to: the combinations with their verdicts counted, and the checks whose verdict differs between them.</summary>
internal static class ConsoleMatrix
{
    private const int VerdictWidth = 4;

    public static void Print(IAnsiConsole console, MatrixSnapshot matrix)
    {
        console.WriteLine();
        console.Write(Combinations(matrix));
        if (matrix.Differing.Count == 0) return;
        console.Line(("Verdicts that differ; columns are the combinations above", new Style(decoration: Decoration.Bold)));
        console.Write(Differences(matrix));
    }

    private static Table Combinations(MatrixSnapshot matrix)
    {
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumn("#").AddColumn("combination");
        foreach (var verdict in matrix.Verdicts) table.AddColumn(new TableColumn(verdict.Name()).RightAligned());
        table.AddColumn(new TableColumn("exit").RightAligned());
        for (int i = 0; i < matrix.Runs.Count; i++)
        {
            var (name, run) = matrix.Runs[i];
            table.AddRow([
                new Text(Number(i + 1)), new Text(name),
                .. matrix.Verdicts.Select(v => new Text(Number(MatrixSnapshot.Count(run, v)), TextLines.StyleOf(v))),
                new Text(Number(run.ExitCode))]);
        }
        return table;
    }

    private static Table Differences(MatrixSnapshot matrix)
    {
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumn("check");
        for (int i = 0; i < matrix.Runs.Count; i++) table.AddColumn(new TableColumn(Number(i + 1)) { NoWrap = true, Width = VerdictWidth });
        foreach (var (check, results) in matrix.Differing)
            table.AddRow([new Text(check.Id), .. results.Select(result => new Text(result.Verdict.Name(), TextLines.StyleOf(result.Verdict)))]);
        return table;
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
