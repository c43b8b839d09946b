using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Expectations;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Running;

/// <summary>Runs the planned checks in one session, or in several at a time, and says what each showed.</summary>
internal sealed class Runner
{
    private const string NotReached = "the run has not reached it";

    private readonly IReadOnlyList<PlannedCheck> plan;
    private readonly ExpectationSet expectations;
    private readonly ClauseVerdicts clauses;
    private readonly RunOptions options;
    private readonly TimeProvider clock;
    private readonly ILogger log;

    public Runner(
        IReadOnlyList<PlannedCheck> plan, ExpectationSet expectations, ClauseVerdicts clauses, RunOptions options, TimeProvider clock, ILogger log)
    {
        (this.plan, this.expectations, this.clauses) = (plan, expectations, clauses);
        (this.options, this.clock, this.log) = (options, clock, log);
    }

    /// <summary>
    /// Runs to the end, to the end of the budget, to the last failure that is allowed, or until <paramref name="cancellation"/>; what has no
    /// result then is MISSING. A failure of the harness is an ERROR of its check, and the next check goes on.
    /// </summary>
    public RunSnapshot Run(ICheckSession session, IReadOnlyList<IRunObserver> observers, CancellationToken cancellation) =>
        Run([session], observers, cancellation);

    /// <summary>Runs in several sessions at a time. Observers are told in the order in which checks were begun, one result at a time.</summary>
    public RunSnapshot Run(IReadOnlyList<ICheckSession> sessions, IReadOnlyList<IRunObserver> observers, CancellationToken cancellation) =>
        new Course(this, sessions, observers, cancellation).Run();

    /// <summary>One run, from its first check to its last. Whatever its workers share is guarded by <c>gate</c>.</summary>
    private sealed class Course
    {
        private readonly Lock gate = new();
        private readonly Runner runner;
        private readonly IReadOnlyList<ICheckSession> sessions;
        private readonly IReadOnlyList<IRunObserver> observers;
        private readonly CancellationToken cancellation;
        private readonly CheckResult[] results;
        private readonly IReadOnlyList<string> complaints;
        private readonly IReadOnlyList<int> order;
        private readonly bool[] done;
        private readonly long begin;
        private int next;
        private int told;
        private int failures;
        private string? ended;

        public Course(Runner runner, IReadOnlyList<ICheckSession> sessions, IReadOnlyList<IRunObserver> observers, CancellationToken cancellation)
        {
            (this.runner, this.sessions, this.observers, this.cancellation) = (runner, sessions, observers, cancellation);
            var plan = runner.plan;
            results = [.. plan.Select(p => p.LeftOut is { } why
                ? CheckResult.WithoutRunning(p.Check, p.LeftOutAs, why) with { Observed = Verdict.Skip }
                : CheckResult.WithoutRunning(p.Check, Verdict.Missing, NotReached))];
            complaints = runner.expectations.Complaints([.. plan.Select(p => p.Check.Id)]);
            order = [.. ExecutionOrder.Of(plan, runner.options.Shuffled ? runner.options.Seed : null).Where(i => plan[i].LeftOut is null)];
            done = new bool[plan.Count];
            begin = runner.clock.GetTimestamp();
        }

        public RunSnapshot Run()
        {
            foreach (var observer in observers) observer.RunStarted(Snapshot(over: false));
            var together = order.Count(i => !runner.plan[i].Check.JudgesTheRun);
            WorkAll(together);
            Work(sessions[0], order.Count); // What judges the whole run has to see all of it.

            for (; told < order.Count; told++)
            {
                if (done[order[told]]) Tell(order[told]);
                else results[order[told]] = CheckResult.WithoutRunning(results[order[told]].Check, Verdict.Missing, ended!);
            }
            if (ended is not null) runner.log.LogWarning("The run ended early: {Reason}", ended);
            var final = Snapshot(over: true);
            foreach (var observer in observers) observer.RunFinished(final);
            return final;
        }

        private void WorkAll(int until)
        {
            Exception? failure = null;
            var helpers = sessions.Skip(1).Select(session => new Thread(() =>
            {
                try
                {
                    Work(session, until);
                }
                catch (Exception e)
                {
                    lock (gate)
                    {
                        failure ??= e;
                        ended ??= "the run failed";
                    }
                }
            })
            { IsBackground = true, Name = "session" }).ToList();
            foreach (var helper in helpers) helper.Start();
            try
            {
                Work(sessions[0], until);
            }
            catch
            {
                lock (gate) ended ??= "the run failed";
                throw;
            }
            finally
            {
                foreach (var helper in helpers) helper.Join();
            }
            if (failure is not null) ExceptionDispatchInfo.Throw(failure);
        }

        private void Work(ICheckSession session, int until)
        {
            while (Take(until) is { } i)
            {
                var check = runner.plan[i].Check;
                var (result, why) = runner.RunOne(session, check, cancellation);
                lock (gate)
                {
                    if (result is null)
                    {
                        ended ??= why;
                        continue;
                    }
                    results[i] = result;
                    done[i] = true;
                    if (runner.IsFinding(result) && ++failures == runner.options.MaxFailures)
                        ended ??= failures == 1 ? "the first failure ended the run" : $"{failures} failures ended the run";
                    for (; told < order.Count && done[order[told]]; told++) Tell(order[told]);
                }
            }
        }

        private int? Take(int until)
        {
            lock (gate)
            {
                if (next == until) return null;
                ended ??= runner.WhyEnd(begin, cancellation);
                if (ended is not null) return null;
                var i = order[next++];
                foreach (var observer in observers) observer.CheckStarted(runner.plan[i].Check);
                return i;
            }
        }

        private void Tell(int i)
        {
            var now = Snapshot(over: false);
            foreach (var observer in observers) observer.CheckFinished(results[i], now);
        }

        private RunSnapshot Snapshot(bool over)
        {
            CheckResult[] copy = [.. results];
            return new(sessions[0].Target, sessions[0].OfferedFeatures, runner.options.Seed, runner.options.Strict, copy, runner.clauses.Of(copy), complaints, over)
            { Spec = runner.options.Spec, StrictOnSecurity = runner.options.StrictOnSecurity };
        }
    }

    private bool IsFinding(CheckResult result) =>
        result.Verdict.IsFinding(options.Strict || (options.StrictOnSecurity && result.Check.IsSecurityRelevant));

    private string? WhyEnd(long begin, CancellationToken cancellation) =>
        cancellation.IsCancellationRequested ? "the run was interrupted"
        : options.Budget is { } budget && clock.GetElapsedTime(begin) >= budget ? FormattableString.Invariant($"the budget of {budget.TotalSeconds:0.###} s was used up")
        : null;

    /// <summary>What one check showed; null, and the reason, where the whole run has to end instead.</summary>
    private (CheckResult? Result, string? WhyEnd) RunOne(ICheckSession session, Check check, CancellationToken cancellation)
    {
        log.LogDebug("{Check} begins, target {Shape}", check.Id, check.Shape);
        var started = Stopwatch.GetTimestamp();
        CheckOutcome outcome;
        try
        {
            outcome = session.Run(check, cancellation);
            if (IsWorthRepeating(check, outcome, session)) outcome = Repeat(check, outcome, session, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return (null, "the run was interrupted");
        }
        catch (TargetUnavailableException e)
        {
            return (null, e.Message);
        }
        catch (Exception e)
        {
            // Whatever is wrong in the harness costs this check its verdict, and no other check.
            outcome = new(Verdict.Error, "the harness runs the check", $"{e.GetType().Name}: {e.Message}", e.ToString().ReplaceLineEndings("\n").Split('\n'),
                (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        var result = expectations.Apply(check, outcome, session.Target, session.OfferedFeatures);
        log.LogDebug("{Check}: {Verdict} in {Milliseconds} ms", check.Id, result.Verdict.Name(), result.Milliseconds);
        return (result, null);
    }

    /// <summary>Where time is virtual the same comes out again, and a check of the whole run has only one run to judge.</summary>
    private bool IsWorthRepeating(Check check, CheckOutcome outcome, ICheckSession session) =>
        options.Retries > 0 && !session.HasVirtualTime && !check.JudgesTheRun
        && outcome.Verdict is Verdict.Fail or Verdict.Warn or Verdict.Crash or Verdict.Timeout or Verdict.Error;

    /// <summary>A failure that a fresh target does not show again is a FLAKE, with the evidence of the failure.</summary>
    private CheckOutcome Repeat(Check check, CheckOutcome failure, ICheckSession session, CancellationToken cancellation)
    {
        for (int repeat = 1; repeat <= options.Retries; repeat++)
        {
            log.LogInformation("{Check} is {Verdict}; repeat {Repeat} on a fresh target", check.Id, failure.Verdict.Name(), repeat);
            session.Refresh();
            if (session.Run(check, cancellation).Verdict != Verdict.Pass) continue;
            return failure with { Verdict = Verdict.Flake, Actual = $"{failure.Verdict.Name()} at first: {failure.Actual}; PASS at repeat {repeat} on a fresh target" };
        }
        return failure;
    }
}
