using System.CommandLine;
using System.Globalization;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Conformance.Selftest;
using Viommu.Fuzz.Afl;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Devices;
using Viommu.Fuzz.Engine.Campaigns;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Reports;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Targets;

namespace Viommu.Fuzz.Program;

/// <summary><c>fuzz run</c>: a campaign.</summary>
internal sealed class RunCommand
{
    // Far longer than any input takes, on any machine.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly FuzzHost _host;

    // A device outside of this process may keep an input waiting besides.
    private TimeSpan _patience = Patience;

    private readonly Argument<string> _target = Arguments.Target();
    private readonly Option<string> _device = Arguments.Device();
    private readonly Option<double?> _time = new("--time") { Description = "Seconds after which it ends.", HelpName = "SECONDS" };
    private readonly Option<long?> _runs = new("--runs") { Description = "Executions after which it ends.", HelpName = "N" };

    private readonly Option<int> _jobs = new("--jobs")
    {
        Description = "Threads that work side by side. With one, the same seed gives the same campaign.",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<string?> _seed = new("--seed") { Description = "Where everything random comes from. [default: chosen, and printed]", HelpName = "N" };
    private readonly Option<string?> _corpus = new("--corpus") { Description = "Folder that the campaign goes on from and adds to. [default: corpus in the report folder]", HelpName = "DIR" };
    private readonly Option<string?> _dictionary = new("--dictionary") { Description = "Tokens to try beside those of the spec, in the syntax of 'afl-fuzz -x': name=\"\\x01\\x02\" on each line.", HelpName = "FILE" };
    private readonly Option<string?> _coverage = new("--coverage")
    {
        Description = "What guides the search beside the states that are told apart: afl, the edges of a program behind --device exec:COMMAND that was built by afl-clang-fast, afl-cc or cargo afl. [default: the edges of a device in this process, which need no build]",
        HelpName = "afl",
    };

    private readonly Option<bool> _keepGoing = new("--keep-going") { Description = "Go on after a finding; each is kept once." };
    private readonly Option<bool> _noMinimize = new("--no-minimize") { Description = "Keep the inputs of findings as they were found. [default: each is made small, and the original kept beside it]" };
    private readonly KnownOptions _known = new();
    private readonly Option<string?> _annotate = new("--annotate") { Description = "Print new findings as annotations for a CI system.", HelpName = "github" };
    private readonly Option<string?> _report = new("--report") { Description = "Folder for statistics and findings. [default: reports/fuzz/<target>, with -NAME behind it for a device outside of this process, by its name]", HelpName = "DIR" };

    public RunCommand(FuzzHost host)
    {
        _host = host;
        Command = new("run", "Fuzzes a target until it is told to stop, or something is found.") { _target, _device, _time, _runs, _jobs, _seed, _corpus, _dictionary, _coverage, _keepGoing, _noMinimize, _report };
        _annotate.AcceptOnlyFromAmong("github");
        _coverage.AcceptOnlyFromAmong("afl");
        Command.Add(_annotate);
        _known.AddTo(Command);
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        var target = Arguments.FindTarget(parsed.GetRequiredValue(_target));
        using var outside = OutsideDevice.Find(parsed.GetRequiredValue(_device), target, countsEdges: parsed.GetValue(_coverage) is not null);
        _patience = Patience + (outside?.LongestWait ?? TimeSpan.Zero);
        int broken = outside is null ? Arguments.FindDevice(parsed.GetRequiredValue(_device)) : -1;
        if (broken >= 0 && Subject.Of(BrokenDevices.All[broken]) is { InterceptsRegisters: true } subject && !target.Shows(subject))
            throw new UsageException($"'{target.Name}' does not reach the registers that this device has wrong; try {string.Join(", ", TargetList.All.Where(other => other.Shows(subject)).Select(other => other.Name))}");
        // In full: a number, or a part of a name, may be another device's tomorrow.
        string device = broken >= 0 ? $"broken:{BrokenDevices.All[broken].Name}" : parsed.GetRequiredValue(_device);
        ulong seed = Arguments.ReadSeed(parsed.GetValue(_seed));
        int jobs = parsed.GetValue(_jobs);
        if (parsed.GetValue(_runs) is < 0) throw new UsageException("--runs takes a number from 1 up");
        if (jobs is < 1 or > 256) throw new UsageException("--jobs takes a number from 1 to 256");
        var given = parsed.GetValue(_dictionary) is { } dictionary ? DictionaryFile.Load(dictionary) : [];
        string reports = parsed.GetValue(_report) ?? Path.Combine("reports", "fuzz", outside is null ? target.Name : $"{target.Name}-{outside.Identity.Name}");
        using var folder = CorpusFolder.Open(parsed.GetValue(_corpus) ?? Path.Combine(reports, "corpus"), target.Format);
        var known = _known.Read(parsed, _host, target.Name, outside?.Identity.Name ?? device);
        using var report = new CampaignReport(reports, target, device, seed, file => ChildReplay.Run(file, target, device)) { Known = known, IsStrict = _known.IsStrict(parsed) };

        var stored = CorpusFolder.Read(folder.Path, target.Format, Complain).ToList();
        var leftOver = Campaign.LeftOver(reports);
        if (!Examine(leftOver, target, device, report)) return Finish(parsed, null, folder, report);
        // Where the last run died, no executions are enough to tell of what.
        if (leftOver.Count == 0 && (parsed.GetValue(_runs) == 0 || parsed.GetValue(_time) <= 0)) throw new NothingToRunException("a campaign takes --runs from 1 up, and --time above 0");
        bool minimizes = !parsed.GetValue(_noMinimize);
        var host = new TargetHost(target, broken);
        var campaign = new Campaign(new CampaignOptions
        {
            Shape = target.Shape,
            NewExecutor = outside is null ? host.Instrumented : () => outside.NewScout(minimizes),
            NewDictionary = () => host.NewDictionary(given),
            Seed = seed,
            Jobs = jobs,
            Runs = parsed.GetValue(_runs) ?? long.MaxValue,
            Time = parsed.GetValue(_time) is { } seconds ? TimeSpan.FromSeconds(Math.Clamp(seconds, 0, 1e8)) : TimeSpan.MaxValue,
            // A real device has deviations that are known, and restarts by itself.
            KeepGoing = parsed.GetValue(_keepGoing) || outside is not null,
            IsKnown = key => known.Find(key) is not null,
            Minimize = minimizes,
            InFlightFolder = reports,
            Seeds = [.. target.Seeds().Select(input => input.Input), .. ShippedCorpus.Inputs(target, Complain), .. stored.Select(input => input.Input)],
        });
        using var stop = _host.Interrupted.Register(campaign.Stop);

        _host.Console.Line($"fuzz {target.Name}: {target.Summary}{(outside is null ? "" : $", on {outside.Identity}")}");
        _host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"seed {seed}, {jobs} job{(jobs == 1 ? "" : "s")}, {stored.Count} inputs from {folder.Path}, reports in {reports}"));
        var written = stored.Select(input => CorpusFolder.NameOf(input.Input)).ToHashSet();
        try
        {
            Watch(parsed, campaign, folder, report, written, reports);
        }
        catch (HarnessException e)
        {
            // What was found until then is found.
            Finish(parsed, campaign, folder, report);
            _host.Console.Line(report.WriteHarnessFailure(e) is { } kept ? $"the input is in {kept}" : "its input could not be written");
            throw;
        }
        catch (AggregateException e) when (e.InnerException is IOException or UnauthorizedAccessException)
        {
            throw new CorpusException($"cannot keep note of the inputs that run in {reports}: {e.InnerException.Message}", e);
        }
        catch (AggregateException e)
        {
            // What was found until then is found.
            Finish(parsed, campaign, folder, report);
            if (e.InnerException is TargetUnavailableException gone) throw new TargetUnavailableException($"the campaign ends: {gone.Message}", e);
            throw;
        }

        foreach (var line in outside?.DescribePassedOver() ?? []) _host.Console.Line(line);
        return Finish(parsed, campaign, folder, report);
    }

    private void Watch(ParseResult parsed, Campaign campaign, CorpusFolder folder, CampaignReport report, HashSet<string> known, string reports)
    {
        using var screen = Screen.For(_host.Console);
        int written = 0;
        campaign.Run(running =>
        {
            var fresh = running.EntriesFrom(written);
            written += fresh.Count;
            folder.Write(fresh.Select(entry => entry.Input).Where(input => known.Add(folder.NameInFolder(input))));
            report.Tick(running);
            screen.Show(running, report.Rate, folder.Trouble ?? report.Trouble);
            if (running.FindStalled(Patience) is { } stalled) GiveUp(parsed, stalled, folder, report, reports);
        });
    }

    private int Finish(ParseResult parsed, Campaign? campaign, CorpusFolder folder, CampaignReport report)
    {
        string? unwritten = report.WriteSummaries(campaign);
        string? trouble = folder.Trouble ?? report.Trouble ?? unwritten;
        var outcome = report.Outcome(campaign);
        Tell(outcome);
        if (Pass(parsed, report, outcome) is { } unsaid) throw new CorpusException(unsaid);
        if (campaign is not null)
        {
            var end = campaign.Snapshot;
            _host.Console.Line(string.Create(CultureInfo.InvariantCulture,
                $"{end.Executions} executions in {campaign.Elapsed.TotalSeconds:0.0} s ({end.Executions / Math.Max(campaign.Elapsed.TotalSeconds, 0.001):0}/s, {(double)end.Operations / Math.Max(end.Executions, 1):0.0} operations each), corpus {end.Corpus}, edges {end.Edges}, states {end.States}, findings {outcome.New.Count()}{(outcome.Known.Any() ? $", known {outcome.Known.Count()}" : "")}"));
        }

        if (trouble is not null)
        {
            _host.Error.WriteLine($"fuzz: {trouble}; {folder.Unwritten} inputs are not written");
            return ExitCode.Harness;
        }

        return outcome.IsRed ? ExitCode.Findings : ExitCode.AsExpected;
    }

    private void Tell(CampaignOutcome outcome)
    {
        foreach (var found in outcome.Known) _host.Console.Line($"KNOWN {found.Finding.Key}: {found.Known!.Reason} ({found.Known.Url})");
        foreach (var line in outcome.Unseen) _host.Console.Line($"NOT SEEN {line}");
        foreach (var line in outcome.Complaints) _host.Console.Line($"EXPIRED {line}");
        foreach (var found in outcome.New)
        {
            _host.Console.Line($"FOUND {found.Finding.Key}");
            _host.Console.Line($"      {found.Finding.Message}");
            _host.Console.Line($"      {found.File ?? "its input could not be written"}");
            foreach (var line in found.Lines) _host.Console.Line($"      {line}");
        }
    }

    // Hands on what was found to the file of known findings and to the CI system; what went wrong, or null.
    private string? Pass(ParseResult parsed, CampaignReport report, CampaignOutcome outcome)
    {
        string? trouble = _known.Update(parsed, _host, report.Known, report.Found.Select(found => found.Finding));
        // A CI system reads whole lines; the console would break them to its width.
        foreach (var line in parsed.GetValue(_annotate) is null ? [] : FindingAnnotations.Of(outcome)) _host.Console.Profile.Out.Writer.Write(line + "\n");
        return trouble;
    }

    // The process of the last campaign ended while it ran these: by one of them, or by chance. Other processes find out, and what they find is
    // on the disk before it is forgotten here. False where the user does not wait for that.
    private bool Examine(IReadOnlyList<LeftOverInput> leftOver, TargetInfo target, string device, CampaignReport report)
    {
        string path = Path.Combine(report.FindingsFolder, "examined" + RawFormat.Instance.Extension);
        foreach (var input in leftOver)
        {
            if (CorpusFolder.TryWrite(path, input.Input) is { } full) throw new CorpusException(full);
            var finding = ChildReplay.Run(path, target, device);
            File.Delete(path);
            // The user's signal reaches the other process as well: what it says then is nothing to go by.
            if (_host.Interrupted.IsCancellationRequested) return false;
            if (finding is not null && (report.WriteLeftOver(new(finding, input.Input)) ?? report.WriteSummaries()) is { } trouble) throw new CorpusException(trouble);
            input.Forget();
        }

        // The campaign that begins now may end in the same way, and tell nobody.
        if (report.Found.Count > 0) _host.Console.Line($"the last campaign ended on what is in {report.FindingsFolder} now");
        return true;
    }

    // A thread that does not come back cannot be ended: the process is, once everything is written. Never as expected: where the hang is known,
    // the campaign was cut short all the same.
    private void GiveUp(ParseResult parsed, byte[] stalled, CorpusFolder folder, CampaignReport report, string reports)
    {
        string? trouble = report.Write(new(ChildReplay.Hang($"an input runs for more than {_patience.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s"), stalled));
        // Once it is a finding the next run has no need to try it again.
        if (trouble is null) Campaign.LeftOver(reports).FirstOrDefault(left => left.Input.AsSpan().SequenceEqual(stalled))?.Forget();
        trouble ??= folder.Trouble ?? report.Trouble;
        string? unwritten = report.WriteSummaries();
        var outcome = report.Outcome(null);
        Tell(outcome);
        string? unsaid = Pass(parsed, report, outcome);
        trouble ??= unwritten ?? unsaid;
        _host.Error.WriteLine($"fuzz: an input does not come back; {trouble ?? "the next run goes on from the corpus"}");
        Environment.Exit(trouble is null && outcome.IsRed ? ExitCode.Findings : ExitCode.Harness);
    }

    private void Complain(string message) => _host.Error.WriteLine($"fuzz: {message}");
}
