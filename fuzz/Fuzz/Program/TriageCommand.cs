using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Fuzz.Reports;

namespace Viommu.Fuzz.Program;

/// <summary><c>fuzz triage</c>: findings, one entry for each key, run again.</summary>
internal sealed class TriageCommand
{
    private const int Column = 10;

    private readonly FuzzHost _host;
    private readonly Argument<string[]> _folders = new("DIR") { Description = "Report folders, or folders of findings.", Arity = ArgumentArity.OneOrMore };

    private readonly Option<string?> _device = new("--device")
    {
        Description = "Another device to run them on. [default: for each the one that it was found on]",
        HelpName = "DEVICE",
    };

    public TriageCommand(FuzzHost host)
    {
        _host = host;
        Command = new("triage", "Runs findings again and lists them, one entry for each finding key; red while any is left.") { _folders, _device };
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        var entries = parsed.GetRequiredValue(_folders).SelectMany(Records).GroupBy(found => (found.Record.Key, found.Record.Target, found.Record.Device))
            .OrderBy(group => group.Key.Key, StringComparer.Ordinal).ToList();
        int left = 0;
        foreach (var entry in entries)
        {
            var (record, path) = entry.First();
            string device = parsed.GetValue(_device) ?? record.Device ?? Arguments.ReferenceDevice;
            var finding = ChildReplay.Run(path, Arguments.FindTarget(record.Target), device);
            if (finding is not null) left++;
            string fate = finding is null ? "gone" : finding.Key.ToString() == record.Key ? "same" : $"drifted to {finding.Key}";
            _host.Console.Labelled("key", Column, record.Key);
            _host.Console.Labelled("now", Column, fate);
            _host.Console.Labelled("target", Column, record.Target);
            _host.Console.Labelled("device", Column, device);
            if (record.Seed is { } seed) _host.Console.Labelled("seed", Column, seed.ToString(CultureInfo.InvariantCulture));
            _host.Console.Labelled("what", Column, record.Message);
            if (record.Details.Length > 0) _host.Console.Labelled("where", Column, record.Details);
            _host.Console.Labelled("inputs", Column, string.Join(", ", entry.Select(found => found.Path)));
            _host.Console.Labelled("again", Column, FindingRecord.ReplayCommand(record.Target, device, path));
            _host.Console.Line("");
        }

        _host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"{entries.Count} finding{(entries.Count == 1 ? "" : "s")}, {entries.Count - left} gone"));
        return left > 0 ? ExitCode.Findings : ExitCode.AsExpected;
    }

    private static IEnumerable<(FindingRecord Record, string Path)> Records(string folder)
    {
        string inside = Path.Combine(folder, "findings");
        string where = Directory.Exists(inside) ? inside : folder;
        if (!Directory.Exists(where)) throw new UsageException($"there is no folder {folder}");
        foreach (var file in Directory.EnumerateFiles(where, "*.json").Order(StringComparer.Ordinal))
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

            if (record is not null) yield return (record, Path.Combine(where, record.Input));
        }
    }
}
