using System.CommandLine;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Expectations;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;
using Viommu.Conformance.Watching;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Program;

/// <summary>The options of <c>conformance watch</c> that say how a driver is judged, whatever is watched.</summary>
internal sealed class WatchOptions
{
    private readonly CliHost host;
    private readonly SelectionOptions selection = new("rules", isReported: true);
    private readonly SpecOption spec = new();

    private readonly Option<bool> strict = new("--strict") { Description = "A broken SHOULD (WARN) fails the run too." };

    private readonly Option<string?> expect = new("--expect")
    {
        Description = "YAML file of known deviations, as for run: foretold failures are XFAIL, and an entry that no longer holds is red.",
        HelpName = "FILE",
    };

    private readonly Option<string?> report = new("--report")
    {
        Description = "Folder for index.html, results.json, junit.xml and summary.md. [default: reports/watch-<what>]",
        HelpName = "DIR",
    };

    public WatchOptions(CliHost host) => this.host = host;

    public void AddTo(Command command)
    {
        selection.AddTo(command);
        spec.AddTo(command);
        foreach (Option option in (Option[])[strict, expect, report]) command.Add(option);
    }

    /// <summary>Gets ready to watch.</summary>
    public WatchedRun Begin(ParseResult parsed)
    {
        var (chosen, version) = (selection.Read(parsed), spec.Read(parsed));
        var catalogue = host.Catalogue.At(version);
        var plan = host.Rules.Select(rule => chosen.WhyLeftOut(rule) is { } why ? CheckResult.WithoutRunning(rule, Verdict.Skip, why)
            : catalogue.TryGet(rule.Clauses[0], out var clause) && clause.WhyNotIn(version) is { } absent ? CheckResult.WithoutRunning(rule, Verdict.NotApplicable, absent)
            : CheckResult.WithoutRunning(rule, Verdict.Missing, "nothing was watched")).ToList();
        var expectations = parsed.GetValue(expect) is { } file
            ? new ExpectationSet(ExpectationFile.Load(file), DateOnly.FromDateTime(host.Clock.GetUtcNow().UtcDateTime))
            : ExpectationSet.None;
        return new WatchedRun(host, plan, expectations, catalogue, version, parsed.GetValue(strict), parsed.GetValue(report));
    }
}

/// <summary>A driver being watched, and in the end what is said of it: on the console, and in the same reports as of a device.</summary>
internal sealed class WatchedRun(
    CliHost host, IReadOnlyList<CheckResult> plan, ExpectationSet expectations, ClauseCatalogue catalogue, SpecVersion version, bool strict, string? folder)
{
    /// <summary>Who watches.</summary>
    public Watcher Watcher { get; } = new(plan.Where(result => result.Verdict == Verdict.Missing).Select(result => (DriverRule)result.Check));

    /// <summary>Tells what was seen, and what became of whatever else the driver was to do; the exit code.</summary>
    public int End(TargetIdentity watched, string what, IReadOnlyList<CheckResult>? besides = null)
    {
        var seen = Watcher.Results().Concat(besides ?? []).ToDictionary(result => result.Check.Id, result => expectations.Apply(result, watched, Watcher.OfferedFeatures));
        List<CheckResult> all = [.. (besides ?? []).Select(result => CheckResult.WithoutRunning(result.Check, Verdict.Missing, "nothing was watched")), .. plan];
        var begun = Snapshot(watched, all, over: false);
        var over = Snapshot(watched, [.. all.Select(result => seen.GetValueOrDefault(result.Check.Id, result))], over: true);

        var reports = Folder(what);
        var written = new ReportFolder(reports, [new JsonReport(), new JUnitReport(), new MarkdownReport(catalogue), new HtmlReport(host.Trace(version))], host.Clock);
        var told = new ConsoleObserver(host.Console, catalogue, _ => { });
        told.RunStarted(begun);
        foreach (var result in over.Checks.Where(result => seen.ContainsKey(result.Check.Id))) told.CheckFinished(result, over);
        written.RunStarted(begun);
        written.RunFinished(over);
        ConsoleSummary.Print(host.Console, over);
        host.Console.Line($"reports: {Path.Combine(reports, "index.html")}, results.json, junit.xml, summary.md");
        host.Console.Line(ConsoleSummary.Closing(over));
        return over.ExitCode;
    }

    /// <summary>Where the reports go.</summary>
    public string Folder(string what) => folder ?? Path.Combine("reports", $"watch-{what}");

    private RunSnapshot Snapshot(TargetIdentity watched, IReadOnlyList<CheckResult> results, bool over) => new(
        watched, Watcher.OfferedFeatures, Seed: 0, strict, results,
        new ClauseVerdicts(catalogue, host.NotTested, Role.Driver, version).Of(results), expectations.Complaints([.. results.Select(result => result.Check.Id)]), over)
    {
        Spec = version,
    };
}
