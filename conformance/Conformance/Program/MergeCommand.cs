using System.CommandLine;
using Viommu.Conformance.Recorded;
using Viommu.Conformance.Reports;

namespace Viommu.Conformance.Program;

/// <summary><c>conformance merge A B ...</c>: one report of the shards of a run.</summary>
internal sealed class MergeCommand
{
    private readonly CliHost host;

    private readonly Argument<string[]> parts = new("RUN")
    {
        Description = "The shards' results.json files, report folders, or folders of report folders.",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string?> report = new("--report")
    {
        Description = "Folder for the reports. [default: reports/<target>]",
        HelpName = "DIR",
    };

    public MergeCommand(CliHost host)
    {
        this.host = host;
        Command = new("merge", "Puts the shards of a run (run --shard K/N) together: one report, and the exit code of the whole.") { parts, report };
        Command.SetAction(Merge);
    }

    public Command Command { get; }

    private int Merge(ParseResult parsed)
    {
        var recorded = parsed.GetRequiredValue(parts).SelectMany(ResultsFile.Load).ToList();
        var run = MergedRun.Of(recorded, host.Checks, host.Catalogue, host.NotTested);
        var folder = parsed.GetValue(report) ?? Path.Combine("reports", FileNameOf(run.Target.Name));
        var reports = new ReportFolder(folder, RunReports.Of(host, run.Spec), host.Clock);
        reports.RunFinished(run);
        ConsoleSummary.Print(host.Console, run);
        host.Console.Line($"reports: {RunReports.In(folder)}");
        host.Console.Line(ConsoleSummary.Closing(run));
        return run.ExitCode;
    }

    /// <summary>A target's name from a file that anybody may have written, as the name of a folder.</summary>
    private static string FileNameOf(string target) => new([.. target.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' ? c : '_')]);
}
