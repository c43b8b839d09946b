using System.Diagnostics;
using System.Globalization;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Expectations;
using Viommu.Conformance.Oracle;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;
using Viommu.Conformance.Scripts;

namespace Viommu.Conformance.Exploration;

/// <summary>What random operations are judged by: the chapter as a whole, or for a finding the clause that it breaks.</summary>
internal sealed record RandomRule(string Id, string Title, IReadOnlyList<string> Clauses, Level Level, string Does, string Reading)
    : SpecRule(Id, Title, Clauses, Level, Does, Reading);

/// <summary>Random operations as a run with reports like any other: a row for each finding, its smallest script as a file, and a row for the whole.</summary>
/// <param name="explorer">Does the operations.</param>
/// <param name="options">How many.</param>
/// <param name="run">How runs go.</param>
/// <param name="rules">The checks, which are left out of such a run.</param>
/// <param name="expectations">What is known.</param>
/// <param name="clauses">Sums the rows up.</param>
/// <param name="catalogue">The clauses.</param>
/// <param name="folder">Where scripts go: its folder <c>random</c>.</param>
internal sealed class ExplorationRun(
    Explorer explorer, ExplorationOptions options, RunOptions run, IReadOnlyList<SpecRule> rules, ExpectationSet expectations, ClauseVerdicts clauses,
    ClauseCatalogue catalogue, string folder)
{
    /// <summary>Id of the row for the whole.</summary>
    public const string WholeId = "random-operations";

    private readonly List<CheckResult> findings = [];
    private readonly Stopwatch clock = Stopwatch.StartNew();

    /// <summary>Runs to the end and tells observers of each finding as it comes.</summary>
    public RunSnapshot Run(IReadOnlyList<IRunObserver> observers, Action<string> progress, CancellationToken cancellation)
    {
        foreach (var observer in observers) observer.RunStarted(Snapshot(over: false));
        foreach (var finding in explorer.Run(progress, cancellation))
        {
            findings.Add(ResultOf(finding));
            var now = Snapshot(over: false);
            foreach (var observer in observers) observer.CheckFinished(findings[^1], now);
        }
        var final = Snapshot(over: true);
        foreach (var observer in observers) observer.CheckFinished(Whole(over: true), final);
        foreach (var observer in observers) observer.RunFinished(final);
        return final;
    }

    private RunSnapshot Snapshot(bool over)
    {
        // A clause that the oracle judged has its verdict; of the others the checks say that they were left out.
        List<CheckResult> rows = [.. findings, Whole(over)];
        var judged = rows.SelectMany(row => row.Check.Clauses).ToHashSet();
        rows.InsertRange(0, rules.Where(rule => !rule.Clauses.Any(judged.Contains)).Select(rule => CheckResult.WithoutRunning(rule, Verdict.Skip, "left out by --random")));
        return new(explorer.Identity, explorer.Offered, options.Seed, run.Strict, rows, clauses.Of(rows), expectations.Complaints([.. rows.Select(row => row.Check.Id)], (explorer.Identity, explorer.Offered)), over)
        {
            Spec = run.Spec,
        };
    }

    /// <summary>The row for the whole: what was kept, and how often. It names the clauses that were the reason for an answer or for where an access went.</summary>
    private CheckResult Whole(bool over)
    {
        var tally = explorer.Tally;
        var kept = tally.Kept.OrderBy(pair => pair.Key).Select(pair => pair.Key.Id()).ToList();
        var rule = new RandomRule(
            WholeId, "Random operations are judged by the whole chapter", kept.Count == 0 ? [OracleClause.OpsD01.Id()] : kept, Level.Must,
            "Sends legal, nearly legal and hostile requests, makes DMA and resets, and holds what happens against everything that the text allows.",
            "PASS says that the run came to its end; what broke a clause has a row of its own.");
        if (!over) return CheckResult.WithoutRunning(rule, Verdict.Missing, "the run has not reached it");
        var seen = string.Create(CultureInfo.InvariantCulture,
            $"{tally.Sequences} sequences, {tally.Operations} operations, of which {tally.Requests} requests and {tally.Accesses} accesses; {tally.TimesLost} times the text did not tell what was done")
            + (tally.EndedEarly is { } why ? $"; ended early: {why}" : "");
        // A budget is what the user has said before; nothing at all says nothing all the same.
        var (verdict, owed) = tally.WasInterrupted || tally.Sequences == 0 ? (Verdict.Missing, $"{tally.EndedEarly}: the sequences that are left did not run") : (Verdict.Pass, "");
        return new CheckResult(rule, verdict, owed, seen, [.. Often()], clock.ElapsedMilliseconds) { Observed = verdict };
    }

    private IEnumerable<string> Often() => explorer.Tally.Seen.OrderByDescending(pair => pair.Value)
        .Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Key.Clause} {pair.Key.Verb} {pair.Key.How}: {pair.Value} times"));

    private CheckResult ResultOf(Finding finding)
    {
        var key = finding.Key;
        var level = catalogue.TryGet(key.Clause, out var clause) ? clause.Level : Level.Must;
        var rule = new RandomRule(
            $"{key.Clause}.random-{key.Slug}", $"Random operations: {key.Verb} {key.How}", [key.Clause], level,
            "Was found by random operations, and made small.", "Replay the script: conformance replay FILE.");
        var path = Path.Combine(folder, "random", finding.FileName);
        var script = new Script([new CommentLine($"{key.Clause}: {key.Verb} {key.How} (seed {options.Seed}, {explorer.Identity})"), .. finding.Script.Lines]);
        ReportFolder.Save(path, ScriptPrinter.Print(script));
        var step = finding.Step;
        var outcome = new CheckOutcome(
            VerdictOf(finding, level), step.Expected.Length > 0 ? $"{Described(step)}{step.Expected}" : clause?.Paraphrase ?? "", $"{key.Verb} {key.How}: {step.Operation.Seen?.Text}",
            [.. Words(step), $"script {path}", .. ScriptPrinter.Print(finding.Script).TrimEnd('\n').Split('\n')], 0);
        return expectations.Apply(rule, outcome, explorer.Identity, explorer.Offered);
    }

    private static Verdict VerdictOf(Finding finding, Level level) => finding switch
    {
        { Reproduced: false } => Verdict.Error,
        { Step.End: StepEnd.Crash } => Verdict.Crash,
        { Step.End: StepEnd.Hang } => Verdict.Timeout,
        _ => level == Level.Must ? Verdict.Fail : Verdict.Warn,
    };

    private static IEnumerable<string> Words(ScriptStep step) =>
        (step.Exchange?.ToString() ?? "").Split('\n').Concat(step.LastWords.Split('\n').Where(line => line.Length > 0).Select(line => $"said: {line}")).Where(line => line.Length > 0);

    private static string Described(ScriptStep step) => step.Exchange is { } exchange ? $"{exchange.Request} answered " : "";
}
