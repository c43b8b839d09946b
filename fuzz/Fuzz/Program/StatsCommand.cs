using System.CommandLine;
using System.Text.Json;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Reports;

namespace Viommu.Fuzz.Program;

/// <summary><c>fuzz stats</c>: coverage and executions over time, as a picture.</summary>
internal sealed class StatsCommand
{
    private readonly FuzzHost _host;
    private readonly Argument<string> _folder = new("DIR") { Description = "A report folder, with its stats.ndjson." };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "Where the picture goes. [default: stats.svg in DIR]", HelpName = "FILE" };

    public StatsCommand(FuzzHost host)
    {
        _host = host;
        Command = new("stats", "Draws coverage and executions over time.") { _folder, _output };
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        string folder = parsed.GetRequiredValue(_folder);
        string file = Path.Combine(folder, "stats.ndjson");
        if (!File.Exists(file)) throw new UsageException($"there is no {file}");
        var moments = new List<Moment>();
        foreach (var line in File.ReadLines(file))
        {
            try
            {
                if (JsonSerializer.Deserialize<Moment>(line, FindingRecord.Options) is { } moment) moments.Add(moment);
            }
            catch (JsonException)
            {
                // The last line of a campaign that was killed can be half a line.
                _host.Error.WriteLine($"fuzz: a line of {file} is no object, and left out");
            }
        }

        string output = parsed.GetValue(_output) ?? Path.Combine(folder, "stats.svg");
        if (CorpusFolder.TryWrite(output, System.Text.Encoding.UTF8.GetBytes(StatisticsPlot.Draw(moments))) is { } trouble) throw new CorpusException(trouble);
        _host.Console.Line(output);
        return ExitCode.AsExpected;
    }
}
