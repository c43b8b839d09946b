using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Guests;
using Viommu.Fuzz.Reports;

namespace Viommu.Fuzz.Program;

/// <summary><c>fuzz triage</c>: findings, one entry for each key, run again.</summary>
internal sealed class TriageCommand
{
    private const int Column = 10;
    private const string Gone = "gone";

    private readonly FuzzHost _host;
    private readonly Argument<string[]> _folders = new("DIR") { Description = "Report folders, or folders of findings.", Arity = ArgumentArity.OneOrMore };

    private readonly Option<string?> _device = new("--device")
    {
        Description = "Another device to run them on. [default: for each the one that it was found on]",
        HelpName = "DEVICE",
    };

    private readonly Option<string?> _output = new("--output", "-o") { Description = "Write the list to FILE as well: JSON or Markdown, by its extension.", HelpName = "FILE.json|FILE.md" };

    public TriageCommand(FuzzHost host)
    {
        _host = host;
        Command = new("triage", "Runs findings again and lists them, one entry for each finding key; red while any is left.") { _folders, _device, _output };
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        string? output = parsed.GetValue(_output);
        if (output is not null && TriageReport.For(output, []) is null) throw new UsageException($"--output takes a file .json or .md, and not {output}");
        var rows = new List<TriageRow>();
        var entries = parsed.GetRequiredValue(_folders).SelectMany(Records).GroupBy(found => (found.Record.Key, found.Record.Target, found.Record.Device))
            .OrderBy(group => group.Key.Key, StringComparer.Ordinal).ToList();
        try
        {
            foreach (var entry in entries)
            {
                _host.Interrupted.ThrowIfCancellationRequested();
                rows.Add(RunAgain([.. entry], parsed.GetValue(_device)));
                Tell(rows[^1]);
            }
        }
        catch (OperationCanceledException) when (_host.Interrupted.IsCancellationRequested)
        {
            _host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"interrupted: {entries.Count - rows.Count} of {entries.Count} findings are not run again"));
        }

        int left = rows.Count(row => row.Now != Gone);
        _host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"{rows.Count} finding{(rows.Count == 1 ? "" : "s")}, {rows.Count - left} gone"));
        if (output is not null && CorpusFolder.TryWrite(output, Encoding.UTF8.GetBytes(TriageReport.For(output, rows)!)) is { } trouble) throw new CorpusException(trouble);
        if (rows.Count < entries.Count) return ExitCode.Harness;
        return left > 0 ? ExitCode.Findings : ExitCode.AsExpected;
    }

    private TriageRow RunAgain(IReadOnlyList<(FindingRecord Record, string Path)> entry, string? other)
    {
        var (record, path) = entry[0];
        string device = other ?? record.Device ?? Arguments.ReferenceDevice;
        var finding = ChildReplay.Run(path, Arguments.FindTarget(record.Target), device, _host.Interrupted);
        string fate = finding is null ? Gone : finding.Key.ToString() == record.Key ? "same" : $"drifted to {finding.Key}";
        // What it does now; where it does nothing any more, or takes its process with it, what it did when it was found.
        string[] story = finding is { Details.Length: > 0 } ? finding.Details.Split('\n')
            : [.. record.Story?.Tell(record.Key.Split('|')[0]) ?? [], .. record.Details.Length > 0 ? record.Details.ReplaceLineEndings("\n").Split('\n') : []];
        return new(record.Key, fate, record.Target, device, record.Seed, record.Message, story, [.. entry.Select(found => found.Path)], FindingRecord.ReplayCommand(record.Target, device, path));
    }

    private void Tell(TriageRow row)
    {
        _host.Console.Labelled("key", Column, row.Key);
        _host.Console.Labelled("now", Column, row.Now);
        _host.Console.Labelled("target", Column, row.Target);
        _host.Console.Labelled("device", Column, row.Device);
        if (row.Seed is { } seed) _host.Console.Labelled("seed", Column, seed.ToString(CultureInfo.InvariantCulture));
        _host.Console.Labelled("what", Column, row.Message);
        foreach (var line in row.Story) _host.Console.Line(new string(' ', Column) + line);
        _host.Console.Labelled("inputs", Column, string.Join(", ", row.Inputs));
        _host.Console.Labelled("again", Column, row.Again);
        _host.Console.Line("");
    }

    private static IEnumerable<(FindingRecord Record, string Path)> Records(string folder)
    {
        string inside = Path.Combine(folder, "findings");
        string where = Directory.Exists(inside) ? inside : folder;
        if (!Directory.Exists(where)) throw new UsageException($"there is no folder {folder}");
        var files = Directory.GetFiles(where, "*.json");
        if (files.Length == 0 && Directory.EnumerateFiles(where, $"*{LieFile.Extension}").FirstOrDefault() is { } lies)
            throw new UsageException($"{where} has findings of 'fuzz guest', which tells their lies again: fuzz guest DIR {lies}");
        // A campaign that found nothing leaves its statistics, in the report folder.
        if (files.Length == 0 && !CampaignReport.IsIn(folder) && !CampaignReport.IsIn(Path.Combine(folder, "..")))
            throw new NothingToRunException($"{folder} has neither findings nor the files of a campaign; name the report folder of 'fuzz run', such as {Path.Combine("reports", "fuzz", "sequence")}");
        foreach (var file in files.Order(StringComparer.Ordinal))
        {
            FindingRecord? record;
            try
            {
                record = JsonSerializer.Deserialize<FindingRecord>(File.ReadAllText(file), FindingRecord.Options);
            }
            catch (JsonException e)
            {
                throw new UsageException($"{file} is no finding: {e.Message}");
            }

            if (record is not { Key: not null, Target: not null, Message: not null, Details: not null, Input: not null })
                throw new UsageException($"{file} is no finding: it needs a key, a target, a message, details and an input");
            yield return (record, Path.Combine(where, record.Input));
        }
    }
}
