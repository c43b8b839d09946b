using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Expectations;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Running;

/// <summary>How a run goes.</summary>
/// <param name="Seed">Where every random choice comes from; for the reports.</param>
/// <param name="Strict">True where a broken SHOULD is a finding.</param>
/// <param name="Budget">When to start no further check; null for no limit.</param>
internal sealed record RunOptions(ulong Seed, bool Strict = false, TimeSpan? Budget = null)
{
    /// <summary>The version of the spec that is judged by; for the reports.</summary>
    public SpecVersion Spec { get; init; } = SpecVersions.Latest;
}

/// <summary>Runs the planned checks in one session and says what each showed.</summary>
internal sealed class Runner(
    IReadOnlyList<PlannedCheck> plan, ExpectationSet expectations, ClauseVerdicts clauses, RunOptions options, TimeProvider clock, ILogger log)
{
    private const string NotReached = "the run has not reached it";

    /// <summary>
    /// Runs to the end, to the end of the budget, or until <paramref name="cancellation"/>; what has no result then is MISSING.
    /// A failure of the harness is an ERROR of its check, and the next check goes on.
    /// </summary>
    public RunSnapshot Run(ICheckSession session, IReadOnlyList<IRunObserver> observers, CancellationToken cancellation)
    {
        var results = plan.Select(p => p.LeftOut is { } why
            ? CheckResult.WithoutRunning(p.Check, p.LeftOutAs, why) with { Observed = Verdict.Skip }
            : CheckResult.WithoutRunning(p.Check, Verdict.Missing, NotReached)).ToArray();
        var complaints = expectations.Complaints([.. plan.Select(p => p.Check.Id)]);
        foreach (var observer in observers) observer.RunStarted(Snapshot(session, results, complaints, over: false));

        var begin = clock.GetTimestamp();
        string? ended = null;
        for (int i = 0; i < plan.Count; i++)
        {
            if (plan[i].LeftOut is not null) continue;
            ended ??= WhyEnd(begin, cancellation);
            if (ended is null)
            {
                foreach (var observer in observers) observer.CheckStarted(plan[i].Check);
                ended = RunOne(session, plan[i].Check, ref results[i], cancellation);
            }
            if (ended is not null)
            {
                results[i] = CheckResult.WithoutRunning(plan[i].Check, Verdict.Missing, ended);
                continue;
            }
            var now = Snapshot(session, results, complaints, over: false);
            foreach (var observer in observers) observer.CheckFinished(results[i], now);
        }
        if (ended is not null) log.LogWarning("The run ended early: {Reason}", ended);

        var final = Snapshot(session, results, complaints, over: true);
        foreach (var observer in observers) observer.RunFinished(final);
        return final;
    }

    private string? WhyEnd(long begin, CancellationToken cancellation) =>
        cancellation.IsCancellationRequested ? "the run was interrupted"
        : options.Budget is { } budget && clock.GetElapsedTime(begin) >= budget ? FormattableString.Invariant($"the budget of {budget.TotalSeconds:0.###} s was used up")
        : null;

    /// <summary>Runs one check into <paramref name="result"/>; returns the reason where the whole run has to end instead.</summary>
    private string? RunOne(ICheckSession session, Check check, ref CheckResult result, CancellationToken cancellation)
    {
        log.LogDebug("{Check} begins, target {Shape}", check.Id, check.Shape);
        var started = Stopwatch.GetTimestamp();
        CheckOutcome outcome;
        try
        {
            outcome = session.Run(check, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return "the run was interrupted";
        }
        catch (TargetUnavailableException e)
        {
            return e.Message;
        }
        catch (Exception e)
        {
            // Whatever is wrong in the harness costs this check its verdict, and no other check.
            outcome = new(Verdict.Error, "the harness runs the check", $"{e.GetType().Name}: {e.Message}", e.ToString().ReplaceLineEndings("\n").Split('\n'),
                (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        result = expectations.Apply(check, outcome, session.Target);
        log.LogDebug("{Check}: {Verdict} in {Milliseconds} ms", check.Id, result.Verdict.Name(), result.Milliseconds);
        return null;
    }

    private RunSnapshot Snapshot(ICheckSession session, CheckResult[] results, IReadOnlyList<string> complaints, bool over)
    {
        CheckResult[] copy = [.. results];
        return new(session.Target, session.OfferedFeatures, options.Seed, options.Strict, copy, clauses.Of(copy), complaints, over) { Spec = options.Spec };
    }
}
