using System.CommandLine;
using System.CommandLine.Parsing;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Conformance.Watching;
using Viommu.Conformance.Watching.Guests;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Expectations;
using Viommu.Fuzz.Guests;
using Viommu.Guest.Targets;

namespace Viommu.Fuzz.Program;

/// <summary><c>fuzz guest</c>: boots a Linux on a device that lies, over and over.</summary>
internal sealed class GuestCommand
{
    // Comings and goings of the endpoint, each with its requests; what takes long is over after so many seconds.
    private const string Stir = "stir:25";
    private const int StepLimit = 10;

    private readonly FuzzHost _host;
    private readonly Func<GuestOrders, BootGuest> _guests;
    private readonly Argument<string> _guest = new("DIR") { Description = "Where vmlinuz and initrd.gz are; conformance/guests/linux.sh makes them." };
    private readonly Argument<string[]> _files = new("FILE") { Description = "Lies of earlier findings, to be told again; without any, new ones are made.", Arity = ArgumentArity.ZeroOrMore };

    private readonly Option<string> _qemu = GuestOptions.Qemu();
    private readonly Option<double?> _time = new("--time") { Description = "Seconds after which no other boot begins.", HelpName = "SECONDS" };
    private readonly Option<int?> _boots = new("--boots") { Description = "Boots after which it ends.", HelpName = "N" };
    private readonly Option<string?> _seed = new("--seed") { Description = "Where everything random comes from. [default: chosen, and printed]", HelpName = "N" };
    private readonly Option<string> _append = GuestOptions.Append();
    private readonly Option<int> _limit = new("--limit") { Description = $"Seconds that one boot may take, {GuestOptions.ShortestLimit} at least: one that takes longer is a finding where a second one does so too.", HelpName = "SECONDS", DefaultValueFactory = _ => 300 };
    private readonly KnownOptions _known = new();
    private readonly Option<bool> _keepGoing = new("--keep-going") { Description = "Go on after a finding; each is kept once." };
    private readonly Option<bool> _noMinimize = new("--no-minimize") { Description = "Keep all lies of a finding. [default: the fewest that show it are looked for, which takes two dozen boots at most, and twice as many of a guest that does not end]" };
    private readonly Option<string> _report = new("--report") { Description = "Folder for findings and statistics.", HelpName = "DIR", DefaultValueFactory = _ => Path.Combine("reports", "fuzz", "guest") };

    /// <summary>The verb, with guests that QEMU boots.</summary>
    public GuestCommand(FuzzHost host)
        : this(host, orders => new GuestCampaign(orders, RuleRegistry.Find(typeof(Watcher).Assembly, ClauseCatalogue.Load())).Boot)
    {
    }

    /// <summary>The verb, with guests that somebody else boots.</summary>
    internal GuestCommand(FuzzHost host, Func<GuestOrders, BootGuest> guests)
    {
        _host = host;
        _guests = guests;
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
        if (parsed.GetRequiredValue(_limit) < GuestOptions.ShortestLimit) throw new UsageException($"--limit takes a number from {GuestOptions.ShortestLimit} up: below it a guest that is slow is taken for one that does not end");
        if (parsed.GetValue(_boots) is < 1) throw new UsageException("--boots takes a number from 1 up");
        if (parsed.GetValue(_time) is { } seconds && !(seconds > 0)) throw new UsageException("--time takes a number of seconds above 0");
        if (parsed.GetRequiredValue(_files).Length == 0) return Search(parsed);
        var meant = new HashSet<string> { _qemu.Name, _append.Name, _limit.Name, "--expect" };
        var other = parsed.CommandResult.Children.OfType<OptionResult>().FirstOrDefault(option => !option.Implicit && !meant.Contains(option.Option.Name));
        if (other is not null) throw new UsageException($"{other.Option.Name} means nothing where lies are told again: it is for a search, which takes no FILE");
        return Replay(parsed, [.. parsed.GetRequiredValue(_files).Select(file => (file, LieFile.Read(file)))]);
    }

    private int Replay(ParseResult parsed, List<(string Name, LieFile Lies)> files)
    {
        var known = ReadKnown(parsed);
        bool isRed = known.Complaints.Count > 0;
        int told = 0;
        foreach (var (name, lies) in files)
        {
            var boot = _guests(Orders(parsed, lies.Steps));
            var run = boot(lies.Lies, _host.Interrupted);
            var again = run.Hangs ? boot(lies.Lies, _host.Interrupted) : run;
            if (run.Course.Ended is null || again.Course.Ended is null) break;
            if (!again.Hangs) run = run with { Findings = [.. run.Findings.Where(finding => !GuestRun.IsHang(finding.Key))] };
            told++;
            bool isNew = run.Findings.Any(finding => known.Find(finding.Key) is null);
            isRed |= isNew;
            _host.Console.Line($"{(isNew ? "FOUND" : run.Findings.Count > 0 ? "known" : "ok   ")} {name}: {run.Summary}");
            foreach (var finding in run.Findings) Tell(finding, known);
        }

        TellExpired(known);
        if (told == files.Count) return isRed ? ExitCode.Findings : ExitCode.AsExpected;
        _host.Console.Line($"ended by the user after {told} of {files.Count} files: exit 2");
        return ExitCode.Harness;
    }

    private int Search(ParseResult parsed)
    {
        string folder = parsed.GetRequiredValue(_report);
        var plan = new GuestPlan(
            Arguments.ReadSeed(parsed.GetValue(_seed)), parsed.GetValue(_boots) ?? int.MaxValue,
            parsed.GetValue(_time) is { } seconds ? TimeSpan.FromSeconds(Math.Min(seconds, 1e8)) : TimeSpan.MaxValue, parsed.GetValue(_keepGoing), !parsed.GetValue(_noMinimize));
        var known = ReadKnown(parsed);
        var report = new GuestReport(folder, Stir);
        report.Begin();
        _host.Console.Line($"fuzz guest: {parsed.GetRequiredValue(_guest)} on a device that lies; seed {plan.Seed}, reports in {folder}");
        var search = new GuestSearch(plan, _guests(Orders(parsed, Stir)), known, report, line => _host.Console.Line(line), _host.Interrupted);
        try
        {
            search.Run();
        }
        catch (Exception failure) when (failure is HarnessException or TargetUnavailableException)
        {
            // What was found until then is found.
            Update(parsed, known, search);
            _host.Console.Line(report.WriteFailure(search.Telling, failure) is { } kept ? $"the lies of that boot are in {kept}" : "the lies of that boot could not be written");
            throw;
        }

        return Finish(parsed, known, search, report);
    }

    private int Finish(ParseResult parsed, KnownFindings known, GuestSearch search, GuestReport report)
    {
        // A campaign that the user has ended may have been about to come to them.
        var unseen = _host.Interrupted.IsCancellationRequested ? [] : known.Unseen([.. search.Found.Select(finding => finding.Key)]);
        foreach (string line in unseen) _host.Console.Line($"NOT SEEN {line}");
        Update(parsed, known, search);
        int fresh = search.Found.Count(finding => known.Find(finding.Key) is null);
        int stale = known.Complaints.Count + (_known.IsStrict(parsed) ? unseen.Count : 0);
        var (exit, why) = (fresh, search.Ended, stale) switch
        {
            ( > 0, _, _) => (ExitCode.Findings, $"{fresh} found, in {report.Findings}"),
            (_, 0, _) => (ExitCode.Harness, "no boot came to its end, which says nothing of the guest"),
            (_, _, > 0) => (ExitCode.Findings, "expired entries, or such as did not come up"),
            _ => (ExitCode.AsExpected, "nothing new"),
        };
        _host.Console.Line($"{why}: exit {exit}");
        return exit;
    }

    private void Update(ParseResult parsed, KnownFindings known, GuestSearch search)
    {
        TellExpired(known);
        if (_known.Update(parsed, _host, known, search.Found) is { } trouble) throw new CorpusException(trouble);
    }

    private void TellExpired(KnownFindings known)
    {
        foreach (string line in known.Complaints) _host.Console.Line($"EXPIRED {line}");
    }

    private void Tell(Finding finding, KnownFindings known)
    {
        _host.Console.Line(known.Find(finding.Key) is { } entry ? $"KNOWN {finding.Key}: {entry.Reason} ({entry.Url})" : $"FOUND {finding.Key}");
        _host.Console.Line($"      {finding.Message}");
    }

    private KnownFindings ReadKnown(ParseResult parsed) => _known.Read(parsed, _host, "guest", "linux");

    private GuestOrders Orders(ParseResult parsed, string steps) => new(
        parsed.GetRequiredValue(_qemu), parsed.GetRequiredValue(_guest), steps, $"viommu.limit={StepLimit} {parsed.GetRequiredValue(_append)}", TimeSpan.FromSeconds(parsed.GetRequiredValue(_limit)));
}
