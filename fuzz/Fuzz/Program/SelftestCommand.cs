using System.CommandLine;
using System.Globalization;
using System.Text;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Conformance.Selftest;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Selftest;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Program;

/// <summary>
/// <c>fuzz selftest</c>: lets campaigns loose on the broken devices of <c>conformance selftest</c>, without telling them where to look, and
/// says which they find, and how fast.
/// </summary>
internal sealed class SelftestCommand
{
    private readonly FuzzHost _host;
    private readonly Option<double> _time = new("--time") { Description = "Seconds for each device and seed.", HelpName = "SECONDS", DefaultValueFactory = _ => 60 };
    private readonly Option<int> _seeds = new("--seeds") { Description = "Tries with each device; the median counts.", HelpName = "N", DefaultValueFactory = _ => 5 };
    private readonly Option<string[]> _targets = new("--target") { Description = "Only these targets. [default: each that can show anything of the device]", HelpName = "TARGET", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string?> _only = new("--only") { Description = "Only devices whose name, or a clause that they break, contains this.", HelpName = "TEXT" };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "Write the table to FILE, as Markdown, and beside it as FILE.ndjson.", HelpName = "FILE" };

    public SelftestCommand(FuzzHost host)
    {
        _host = host;
        Command = new("selftest", "Proves that campaigns find what is broken: runs them on every broken device that there is.") { _time, _seeds, _targets, _only, _output };
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        var chosen = parsed.GetValue(_targets) is { Length: > 0 } names ? [.. names.Select(Arguments.FindTarget)] : TargetList.All;
        var time = TimeSpan.FromSeconds(Math.Clamp(parsed.GetValue(_time), 0.1, 1e6));
        int seeds = Math.Max(1, parsed.GetValue(_seeds));
        string only = parsed.GetValue(_only) ?? "";
        string command = string.Create(CultureInfo.InvariantCulture, $"fuzz selftest{(only.Length > 0 ? $" --only '{only}'" : "")} --time {time.TotalSeconds:0.#} --seeds {seeds}");
        var rows = new List<SelftestRow>();
        var search = new DeviceSearch(time);
        var meant = BrokenDevices.All.Index().Where(entry => IsMeant(entry.Item, only)).ToList();
        if (meant.Count == 0) throw new UsageException($"--only: no broken device has '{only}' in its name, or in a clause that it breaks; 'fuzz list --devices' shows them");
        foreach (var (index, device) in meant)
        {
            var targets = chosen.Where(target => target.Shows(Subject.Of(device))).ToList();
            var results = Search(search, targets, index, seeds);
            if (_host.Interrupted.IsCancellationRequested) break;
            rows.Add(new(device, [.. targets.Select(target => target.Name)], results));
            Tell(rows[^1]);
            if (parsed.GetValue(_output) is { } output) Write(output, rows, command);
        }

        int found = rows.Count(row => row.IsFound);
        // Nobody was looked for any longer than --time says.
        double soon = Math.Min(time.TotalSeconds, 60);
        if (rows.Count < meant.Count) _host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"interrupted: {meant.Count - rows.Count} of {meant.Count} broken devices are not tried"));
        _host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"{found} of {rows.Count} broken devices found, {rows.Count(row => row.Median <= soon)} within {soon:0.#} s"));
        if (rows.Count < meant.Count) return ExitCode.Harness;
        return found == rows.Count ? ExitCode.AsExpected : ExitCode.Findings;
    }

    private static bool IsMeant(BrokenDevice device, string only) =>
        device.Name.Contains(only, StringComparison.OrdinalIgnoreCase) || device.Breaks.Any(clause => clause.Contains(only, StringComparison.Ordinal));

    // Once more than half of the seeds have found nothing, the others cannot change that.
    private List<SearchResult> Search(DeviceSearch search, List<TargetInfo> targets, int device, int seeds)
    {
        var results = new List<SearchResult>();
        for (int seed = 1; seed <= seeds && targets.Count > 0 && !_host.Interrupted.IsCancellationRequested; seed++)
        {
            results.Add(search.Run(targets, device, (ulong)seed, _host.Interrupted));
            if (results.Count(result => result.Target is null) * 2 > seeds) break;
        }

        return results;
    }

    private void Tell(SelftestRow row)
    {
        var found = row.Results.FirstOrDefault(result => result.Target is not null);
        string what = found is null ? "not found" : string.Create(CultureInfo.InvariantCulture, $"{found.Target}, {row.Found} of {row.Results.Count}, median {row.Median:0.00} s, {found.Key}");
        _host.Console.Line($"{row.Device.Name}: {what}");
    }

    private static void Write(string output, List<SelftestRow> rows, string command)
    {
        string? trouble = CorpusFolder.TryWrite(output, Encoding.UTF8.GetBytes(SelftestTable.Markdown(rows, command)));
        trouble ??= CorpusFolder.TryWrite(output + ".ndjson", Encoding.UTF8.GetBytes(SelftestTable.Json(rows)));
        if (trouble is not null) throw new CorpusException(trouble);
    }
}
