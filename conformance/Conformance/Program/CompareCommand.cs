using System.CommandLine;
using Viommu.Conformance.Comparing;
using Viommu.Conformance.Recorded;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Program;

/// <summary><c>conformance compare A B ...</c>: runs side by side, and what changed from the first to the last.</summary>
internal sealed class CompareCommand
{
    private readonly CliHost host;

    private readonly Argument<string[]> runs = new("RUN")
    {
        Description = "Runs to compare, the oldest first: results.json files, report folders, or folders of report folders (such as a matrix).",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<bool> failOnRegression = new("--fail-on-regression")
    {
        Description = "Exit 1 when something got worse from the first run to the last: BROKEN, WORSE or LOST.",
    };

    private readonly Option<string> report = new("--report")
    {
        Description = "Folder for index.html, comparison.json and summary.md.",
        HelpName = "DIR",
        DefaultValueFactory = _ => Path.Combine("reports", "compare"),
    };

    public CompareCommand(CliHost host)
    {
        this.host = host;
        Command = new("compare", "Shows runs side by side: other devices, versions or transports, or the same again later; and what changed.")
        {
            runs, failOnRegression, report,
        };
        Command.SetAction(Compare);
    }

    public Command Command { get; }

    private int Compare(ParseResult parsed)
    {
        var recorded = parsed.GetRequiredValue(runs).SelectMany(ResultsFile.Load).ToList();
        if (recorded.Count < 2) throw new UsageException($"compare takes at least two runs; {recorded[0].Name} is one");
        var comparison = new Comparison(recorded);
        ConsoleComparison.Print(host.Console, comparison);
        var folder = parsed.GetRequiredValue(report);
        ComparisonReport.Write(folder, comparison, host.Trace());
        host.Console.Line($"reports: {Path.Combine(folder, "index.html")}, comparison.json, summary.md");
        var exit = comparison.HasRegression && parsed.GetValue(failOnRegression) ? ExitCode.Findings : ExitCode.AsExpected;
        host.Console.Line(FormattableString.Invariant($"{ConsoleComparison.Closing(comparison)}: exit {exit}"));
        return exit;
    }
}
