using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Program;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;
using Viommu.Conformance.Watching;
using Viommu.Conformance.Watching.Guests;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Expectations;
using Viommu.Fuzz.Guests;

namespace Viommu.Fuzz.Program;

/// <summary><c>fuzz guest</c>: boots a Linux on a device that lies, over and over.</summary>
internal sealed class GuestCommand
{
    // Comings and goings of the endpoint, each with its requests; what takes long is over after so many seconds.
    private const string Stir = "stir:25";
    private const int StepLimit = 10;

    private readonly FuzzHost _host;
    private readonly Argument<string> _guest = new("DIR") { Description = "Where vmlinuz and initrd.gz are; conformance/guests/linux.sh makes them." };
    private readonly Argument<string[]> _files = new("FILE") { Description = "Lies of earlier findings, to be told again; without any, new ones are made.", Arity = ArgumentArity.ZeroOrMore };

    private readonly Option<string> _qemu = new("--qemu")
    {
        Description = "The QEMU that boots the guest: one that has vfio-user-pci, as 10.1 and later do (conformance/guests/qemu.sh).",
        HelpName = "PROGRAM",
        DefaultValueFactory = _ => "qemu-system-x86_64",
    };

    private readonly Option<double?> _time = new("--time") { Description = "Seconds after which no other boot begins.", HelpName = "SECONDS" };
    private readonly Option<int?> _boots = new("--boots") { Description = "Boots after which it ends.", HelpName = "N" };
    private readonly Option<string?> _seed = new("--seed") { Description = "Where everything random comes from. [default: chosen, and printed]", HelpName = "N" };
    private readonly Option<string> _append = new("--append") { Description = "More for the guest's kernel command line.", HelpName = "TEXT", DefaultValueFactory = _ => "" };
    private readonly Option<int> _limit = new("--limit") { Description = "Seconds that one boot may take.", HelpName = "SECONDS", DefaultValueFactory = _ => 120 };
    private readonly KnownOptions _known = new();
    private readonly Option<bool> _keepGoing = new("--keep-going") { Description = "Go on after a finding; each is kept once." };
    private readonly Option<bool> _noMinimize = new("--no-minimize") { Description = "Keep all lies of a finding. [default: the fewest that show it are looked for, which takes two dozen boots]" };
    private readonly Option<string> _report = new("--report") { Description = "Folder for findings and statistics.", HelpName = "DIR", DefaultValueFactory = _ => Path.Combine("reports", "fuzz", "guest") };

    public GuestCommand(FuzzHost host)
    {
        _host = host;
        Command = new("guest", "Boots a Linux whose virtio-iommu lies to it, over and over: its kernel comes to no harm, its driver keeps its rules.")
        {
            _guest, _files, _qemu, _time, _boots, _seed, _append, _limit, _keepGoing, _noMinimize, _report,
        };
        _known.AddTo(Command);
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        var files = parsed.GetRequiredValue(_files).Select(file => (Name: file, Lies: LieFile.Read(file))).ToList();
        return files.Count > 0 ? Replay(parsed, files) : Search(parsed);
    }

    private int Replay(ParseResult parsed, List<(string Name, LieFile Lies)> files)
    {
        int found = 0;
        foreach (var (name, lies) in files)
        {
            var run = Campaign(parsed, lies.Steps).Boot(lies.Lies, _host.Interrupted);
            if (run.Course.Ended is null) break;
            if (run.Findings.Count > 0) found++;
            _host.Console.Line($"{(run.Findings.Count == 0 ? "ok   " : "FOUND")} {name}: {Summary(run)}");
            foreach (var finding in run.Findings) Tell(finding);
        }

        return found > 0 ? ExitCode.Findings : ExitCode.AsExpected;
    }

    private int Search(ParseResult parsed)
    {
        ulong seed = Arguments.ReadSeed(parsed.GetValue(_seed));
        var known = _known.Read(parsed, _host, "guest", "linux");
        var (campaign, report) = (Campaign(parsed, Stir), parsed.GetRequiredValue(_report));
        var time = parsed.GetValue(_time) is { } seconds ? TimeSpan.FromSeconds(Math.Clamp(seconds, 0, 1e8)) : TimeSpan.MaxValue;
        int most = parsed.GetValue(_boots) ?? int.MaxValue;
        var found = new Dictionary<FindingKey, Finding>();
        var clock = Stopwatch.StartNew();
        _host.Console.Line($"fuzz guest: {parsed.GetRequiredValue(_guest)} on a device that lies; seed {seed}, reports in {report}");
        using var statistics = OpenStatistics(report);
        for (int boot = 0; boot < most && clock.Elapsed < time && !_host.Interrupted.IsCancellationRequested; boot++)
        {
            var run = campaign.Boot(GuestCampaign.LiesOf(seed, boot), _host.Interrupted);
            if (run.Course.Ended is null) break;
            var fresh = run.Findings.Where(finding => found.TryAdd(finding.Key, finding)).ToList();
            _host.Console.Line($"boot {boot}: {Summary(run)}");
            statistics.WriteLine(JsonSerializer.Serialize(new
            {
                boot,
                seconds = Math.Round(clock.Elapsed.TotalSeconds, 3),
                requests = run.Requests,
                lies = run.Told.Count,
                ended = run.Course.Ended,
                findings = found.Count,
            }));
            foreach (var finding in fresh)
            {
                if (known.Find(finding.Key) is { } entry) _host.Console.Line($"known {finding.Key}: {entry.Reason} ({entry.Url})");
                else Keep(finding, run, $"seed {seed}, boot {boot}", report, parsed.GetValue(_noMinimize) ? run.Told : Shrink(campaign, finding, run.Told));
            }

            if (!parsed.GetValue(_keepGoing) && fresh.Any(finding => known.Find(finding.Key) is null)) break;
        }

        return Finish(parsed, known, [.. found.Values], report);
    }

    private int Finish(ParseResult parsed, KnownFindings known, List<Finding> found, string report)
    {
        List<string> stale = [.. known.Complaints, .. _known.IsStrict(parsed) ? known.Unseen([.. found.Select(finding => finding.Key)]) : []];
        foreach (string line in stale) _host.Console.Line($"STALE {line}");
        if (_known.Update(parsed, _host, known, found) is { } trouble) throw new CorpusException(trouble);
        int fresh = found.Count(finding => known.Find(finding.Key) is null);
        _host.Console.Line(fresh > 0 ? $"{fresh} found, in {Path.Combine(report, "findings")}: exit 1" : stale.Count > 0 ? "stale entries: exit 1" : "nothing new: exit 0");
        return fresh + stale.Count > 0 ? ExitCode.Findings : ExitCode.AsExpected;
    }

    private IReadOnlyList<Lie> Shrink(GuestCampaign campaign, Finding finding, IReadOnlyList<Lie> told)
    {
        _host.Console.Line($"{finding.Key}: looking for the fewest of {told.Count} lies that show it");
        return new LieShrinker(lies => campaign.Boot(lies, _host.Interrupted).Findings.Any(other => other.Key == finding.Key), _host.Interrupted).Shrink(told);
    }

    private void Keep(Finding finding, GuestRun run, string whence, string report, IReadOnlyList<Lie> lies)
    {
        string path = Path.Combine(report, "findings", finding.Key.FileName);
        string[] comments = [$"{finding.Key}", finding.Message, $"{run.Course.Kernel}, {whence}: {lies.Count} of {run.Told.Count} lies"];
        ReportFolder.Save(path + LieFile.Extension, new LieFile(Stir, lies).Print(comments));
        ReportFolder.Save(path + ".console.txt", string.Join('\n', run.Course.Console));
        Tell(finding);
        _host.Console.Line($"      {path}{LieFile.Extension}: {lies.Count} lies");
    }

    private void Tell(Finding finding)
    {
        _host.Console.Line($"FOUND {finding.Key}");
        _host.Console.Line($"      {finding.Message}");
    }

    private GuestCampaign Campaign(ParseResult parsed, string steps)
    {
        var orders = new GuestOrders(
            parsed.GetRequiredValue(_qemu), parsed.GetRequiredValue(_guest), steps, $"viommu.limit={StepLimit} {parsed.GetRequiredValue(_append)}", TimeSpan.FromSeconds(parsed.GetRequiredValue(_limit)));
        return new(orders, RuleRegistry.Find(typeof(Watcher).Assembly, ClauseCatalogue.Load()));
    }

    private static string Summary(GuestRun run) =>
        string.Create(CultureInfo.InvariantCulture, $"{run.Time.TotalSeconds:0.0} s, {run.Requests} requests, {run.Told.Count} lies, {(run.Course.Ended == true ? "ended" : "did not end")}, {run.Findings.Count} found");

    private static StreamWriter OpenStatistics(string report)
    {
        try
        {
            Directory.CreateDirectory(report);
            return new StreamWriter(Path.Combine(report, "stats.ndjson")) { AutoFlush = true, NewLine = "\n" };
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"--report {report}: cannot be written: {failure.Message}");
        }
    }
}
