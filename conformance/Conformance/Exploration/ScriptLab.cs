using Viommu.Conformance.Scripts;
using Viommu.Guest;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Exploration;

/// <summary>Runs scripts on targets of one source. One target serves as long as it is sound; a fresh one takes its place when it dies, hangs or breaks the ring.</summary>
internal sealed class ScriptLab(ITargetSource source, TimeSpan deadline) : IDisposable
{
    private ITarget? target;
    private ScriptRunner? runner;

    /// <summary>What is under test; known once a target was opened.</summary>
    public TargetIdentity Identity => (target ?? Open().Target).Identity;

    /// <summary>The feature bits that it offers.</summary>
    public ulong Offered => (runner ?? Open().Runner).Offered;

    /// <summary>True where the rings are packed.</summary>
    public bool IsPacked => (source.AlsoAccept & Guest.Wire.Features.RingPacked) != 0;

    /// <summary>Runs a script from the beginning; <paramref name="beginning"/> is told the number of each operation before it is done.</summary>
    public IReadOnlyList<ScriptStep> Run(Script script, bool explain = false, Action<int>? beginning = null)
    {
        var steps = new List<ScriptStep>();
        Within(steps, (runner, done) =>
        {
            foreach (var step in runner.Run(script, explain, beginning)) done(step);
        });
        return steps;
    }

    /// <summary>
    /// Does something with a runner, on a thread of its own, so that a target that hangs inside a call can be left behind. Steps that are over
    /// are added to <paramref name="steps"/>; the last one tells where the target ended, if it did.
    /// </summary>
    public void Within(List<ScriptStep> steps, Action<ScriptRunner, Action<ScriptStep>> work)
    {
        var (live, ready) = Open();
        Exception? failure = null;
        var own = new List<ScriptStep>();
        var thread = new Thread(() =>
        {
            try
            {
                work(ready, own.Add);
            }
            catch (Exception e)
            {
                failure = e;
            }
        })
        { IsBackground = true, Name = "script" };
        thread.Start();
        if (!WaitingTime.Wait(deadline, thread.Join))
        {
            live.Kill();
            if (!WaitingTime.Wait(TimeSpan.FromSeconds(2), thread.Join)) own = [.. own];
            failure = new TargetHungException($"no end within {deadline.TotalSeconds:0.#} s", live.LastWords);
        }
        steps.AddRange(own);
        switch (failure)
        {
            case null when steps.Count == 0 || steps[^1].End == StepEnd.Alive:
                return;
            case null:
                break;
            case TargetDiedException death:
                steps.Add(Ended(StepEnd.Crash, "the target died", death.LastWords));
                break;
            case TargetHungException hang:
                steps.Add(Ended(StepEnd.Hang, hang.Message, hang.LastWords));
                break;
            case GuestSetupException setup:
                steps.Add(Ended(StepEnd.Violation, setup.Message, live.LastWords));
                break;
            default:
                Discard();
                throw new InvalidOperationException($"a script cannot be run: {failure.Message}", failure);
        }
        Discard();
    }

    /// <summary>Puts the target away; the next script runs on a fresh one.</summary>
    public void Discard()
    {
        target?.Dispose();
        (target, runner) = (null, null);
    }

    public void Dispose() => Discard();

    // What ends a target between two operations is a matter of the reset before the first.
    private static ScriptStep Ended(StepEnd end, string actual, string lastWords) =>
        new(new ResetOperation { Seen = new Seen(actual, "DESC-IOMMU-01") }, default, end)
        {
            Broken = "DESC-IOMMU-01",
            Expected = "a reset brings the device back to where it began",
            LastWords = lastWords,
        };

    private (ITarget Target, ScriptRunner Runner) Open()
    {
        if (target is not null && runner is not null) return (target, runner);
        target = source.Open(TargetShape.Default, out var whyNot) ?? throw new TargetUnavailableException(whyNot ?? "there is no such target");
        try
        {
            runner = new ScriptRunner(target, source.AlsoAccept);
        }
        catch (Exception failure) when (failure is GuestSetupException or TargetDiedException or TargetHungException or Viommu.Guest.Driver.DeviceViolationException)
        {
            var identity = target.Identity;
            Discard();
            throw new TargetUnavailableException($"{identity} cannot be brought up: {failure.Message}", failure);
        }
        return (target, runner);
    }
}
