using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Running;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Tests.Running;

public sealed class RunnerTests
{
    [Fact]
    public void What_was_left_out_is_SKIP_with_the_reason_and_does_not_run()
    {
        var session = new ScriptedSession();
        var run = ScriptedRun.Of(session, selection: new([], [new Glob("IOMMU-ATTACH-*")], Level.Should));
        Assert.Equal((Verdict.Skip, "left out by --skip IOMMU-ATTACH-*"), (run.Of(FakeChecks.Attach).Verdict, run.Of(FakeChecks.Attach).Expected));
        Assert.Equal((Verdict.Skip, "left out by --level should"), (run.Of(FakeChecks.Unmap).Verdict, run.Of(FakeChecks.Unmap).Expected));
        Assert.DoesNotContain(FakeChecks.Attach, session.Ran);
        Assert.Equal(ExitCode.AsExpected, run.ExitCode);
    }

    [Fact]
    public void An_exception_of_the_session_is_an_ERROR_of_its_check_and_the_next_one_runs()
    {
        var run = ScriptedRun.Of(new ScriptedSession().On(FakeChecks.Attach, () => throw new InvalidCastException("a bug")));
        Assert.Equal((Verdict.Error, "InvalidCastException: a bug"), (run.Of(FakeChecks.Attach).Verdict, run.Of(FakeChecks.Attach).Actual));
        Assert.Equal(Verdict.Pass, run.Of(FakeChecks.Map).Verdict);
        Assert.Equal(ExitCode.Harness, run.ExitCode);
    }

    [Fact]
    public void A_target_that_cannot_be_had_again_leaves_the_rest_MISSING()
    {
        var run = ScriptedRun.Of(new ScriptedSession().On(FakeChecks.Map, () => throw new TargetUnavailableException("no fresh target")));
        Assert.Equal(Verdict.Pass, run.Of(FakeChecks.Attach).Verdict);
        foreach (var id in (string[])[FakeChecks.Map, FakeChecks.MapAgain, FakeChecks.Unmap])
            Assert.Equal((Verdict.Missing, "no fresh target"), (run.Of(id).Verdict, run.Of(id).Expected));
        Assert.Equal(ExitCode.Harness, run.ExitCode);
    }

    [Fact]
    public void The_budget_ends_the_run_between_two_checks()
    {
        var clock = new HandClock();
        var session = new ScriptedSession().On(FakeChecks.Attach, () =>
        {
            clock.Now += TimeSpan.FromSeconds(30);
            return new(Verdict.Pass, "", "", [], 30_000);
        });
        var run = ScriptedRun.Of(session, options: new(1, Budget: TimeSpan.FromSeconds(30)), clock: clock);
        Assert.Equal([FakeChecks.Status, FakeChecks.Attach], session.Ran);
        Assert.Equal((Verdict.Missing, "the budget of 30 s was used up"), (run.Of(FakeChecks.Map).Verdict, run.Of(FakeChecks.Map).Expected));
    }

    [Fact]
    public void Observers_see_every_result_as_it_comes_and_what_is_to_come_as_MISSING()
    {
        var observer = new Recorder();
        ScriptedRun.Of(new ScriptedSession().On(FakeChecks.Attach, Verdict.Fail), observer: observer);
        Assert.Equal(5, observer.Snapshots[0].Checks.Count(c => c.Verdict == Verdict.Missing));
        Assert.Equal([4, 3, 2, 1, 0], observer.Snapshots[1..^1].Select(s => s.Checks.Count(c => c.Verdict == Verdict.Missing)));
        Assert.All(observer.Snapshots[..^1], s => Assert.False(s.Over));
        Assert.True(observer.Snapshots[^1].Over);
        Assert.Equal(Verdict.Fail, observer.Snapshots[2].Of(FakeChecks.Attach).Verdict);
    }

    private sealed class Recorder : IRunObserver
    {
        public List<RunSnapshot> Snapshots { get; } = [];

        public void RunStarted(RunSnapshot run) => Snapshots.Add(run);

        public void CheckStarted(Check check) => Assert.Equal(Verdict.Missing, Snapshots[^1].Of(check.Id).Verdict);

        public void CheckFinished(CheckResult result, RunSnapshot run) => Snapshots.Add(run);

        public void RunFinished(RunSnapshot run) => Snapshots.Add(run);
    }
}
