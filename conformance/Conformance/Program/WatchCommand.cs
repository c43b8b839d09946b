using System.CommandLine;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;
using Viommu.Conformance.Watching;
using Viommu.Conformance.Watching.Selftest;
using Viommu.Conformance.Watching.Workload;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Program;

/// <summary><c>conformance watch</c>: judges a driver by watching what it does.</summary>
internal sealed class WatchCommand
{
    private readonly CliHost host;
    private readonly SelectionOptions selection = new();

    private readonly Option<string> target = new("--target")
    {
        Description = "What the suite's own driver drives: as for run, such as model,transport=mmio,ring=packed.",
        HelpName = "TARGET",
        DefaultValueFactory = _ => "model",
    };

    private readonly Option<string?> broken = new("--broken")
    {
        Description = "Watch a driver that breaks a rule instead, by its name or a part of it; selftest lists them.",
        HelpName = "NAME",
    };

    private readonly Option<bool> strict = new("--strict") { Description = "A broken SHOULD (WARN) fails the run too." };

    private readonly Option<string?> report = new("--report")
    {
        Description = "Folder for index.html, results.json, junit.xml and summary.md. [default: reports/watch-<what>]",
        HelpName = "DIR",
    };

    public WatchCommand(CliHost host)
    {
        this.host = host;
        Command = new("watch", "Judges a guest driver by watching what it does: the suite's own.") { target, broken, strict, report };
        selection.AddTo(Command);
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        var worse = parsed.GetValue(broken) is { } name ? Find(name) : null;
        var chosen = selection.Read(parsed);
        var watcher = new Watcher(host.Rules.Where(rule => chosen.WhyLeftOut(rule) is null));
        using var source = host.ParseTarget(parsed.GetRequiredValue(target));
        var workout = new Workout(watcher, scenario => SourceFor(scenario, source, worse), worse);
        foreach (var scenario in worse?.Scenarios ?? Scenarios.All)
        {
            host.Interrupted.ThrowIfCancellationRequested();
            workout.TryPlay(scenario);
        }
        if (workout.Problems is [var problem, ..]) throw new TargetUnavailableException($"the device does not do what the driver needs: {problem}");
        var watched = worse is null ? source.Name : "broken";
        return Tell(parsed, ResultsOf(watcher, chosen), watcher, workout.Target ?? throw new TargetUnavailableException("there is no device to drive"), parsed.GetValue(report) ?? Path.Combine("reports", $"watch-{watched}"));
    }

    private List<CheckResult> ResultsOf(Watcher watcher, Selection chosen)
    {
        var seen = watcher.Results().ToDictionary(result => result.Check.Id);
        return [.. host.Rules.Select(rule => seen.GetValueOrDefault(rule.Id) ?? CheckResult.WithoutRunning(rule, Verdict.Skip, chosen.WhyLeftOut(rule)!))];
    }

    private int Tell(ParseResult parsed, IReadOnlyList<CheckResult> results, Watcher watcher, TargetIdentity watched, string folder)
    {
        var run = new RunSnapshot(
            watched, watcher.OfferedFeatures, Seed: 0, parsed.GetValue(strict), results,
            new ClauseVerdicts(host.Catalogue, host.NotTested, Role.Driver).Of(results), [], Over: true);
        IRunObserver[] observers =
        [
            new ConsoleObserver(host.Console, host.Catalogue, _ => { }),
            new ReportFolder(folder, [new JsonReport(), new JUnitReport(), new MarkdownReport(host.Catalogue), new HtmlReport(host.Trace())], host.Clock),
        ];
        foreach (var observer in observers) observer.RunStarted(run);
        foreach (var result in results.Where(result => result.Verdict != Verdict.Skip)) observers[0].CheckFinished(result, run);
        foreach (var observer in observers) observer.RunFinished(run);
        ConsoleSummary.Print(host.Console, run);
        host.Console.Line($"reports: {Path.Combine(folder, "index.html")}, results.json, junit.xml, summary.md");
        host.Console.Line(ConsoleSummary.Closing(run));
        return run.ExitCode;
    }

    /// <summary>A source of the scenario's own: a misbehaving device, and the one that a broken driver shows itself on, are the model's.</summary>
    private ITargetSource? SourceFor(Scenario scenario, ITargetSource chosen, BrokenDriver? worse)
    {
        if (worse is not null) return DriverConviction.Source(scenario, worse.Configuration);
        if (chosen is ModelTargetSource model) return DriverConviction.Source(scenario, model.Configuration);
        return scenario.Misbehaviour is null ? new Borrowed(chosen) : null;
    }

    private static BrokenDriver Find(string name)
    {
        var found = BrokenDrivers.All.Where(driver => driver.Name.Contains(name, StringComparison.OrdinalIgnoreCase)).ToList();
        return found switch
        {
            [var one] => one,
            [] => throw new UsageException($"--broken: no broken driver is called '{name}'; 'conformance selftest' lists them"),
            _ => found.Find(driver => driver.Name == name) ?? throw new UsageException($"--broken: '{name}' names {found.Count} drivers: {string.Join("; ", found)}"),
        };
    }

    /// <summary>A source that outlives those who dispose of it.</summary>
    private sealed class Borrowed(ITargetSource source) : ITargetSource
    {
        public string Name => source.Name;

        public ulong AlsoAccept => source.AlsoAccept;

        public ITarget? Open(TargetShape shape, out string? whyNot) => source.Open(shape, out whyNot);

        public void Dispose()
        {
        }
    }
}
