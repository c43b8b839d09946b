using System.Diagnostics;
using System.Text;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Guest;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Running;

/// <summary>
/// Runs checks on targets of one source. The target as it is stays alive as long as it is sound; one of a special shape is kept until
/// another shape is asked for.
/// </summary>
public sealed class CheckSession : ICheckSession
{
    private readonly ITargetSource source;
    private readonly CheckSessionOptions options;
    private readonly ResetLedger resets;
    private readonly bool ownsSource;
    private LiveTarget? asItIs;
    private (TargetShape Shape, LiveTarget Target)? special;

    /// <summary>Starts the target; throws <see cref="TargetUnavailableException"/> where it cannot be had.</summary>
    public CheckSession(ITargetSource source, CheckSessionOptions options)
        : this(source, options, new ResetLedger(), ownsSource: true)
    {
    }

    private CheckSession(ITargetSource source, CheckSessionOptions options, ResetLedger resets, bool ownsSource)
    {
        (this.source, this.options, this.resets, this.ownsSource) = (source, options, resets, ownsSource);
        asItIs = Open(TargetShape.Default, out _);
        Target = asItIs!.Identity;
        OfferedFeatures = asItIs.Initial.OfferedFeatures;
    }

    /// <inheritdoc/>
    public TargetIdentity Target { get; }

    /// <inheritdoc/>
    public ulong OfferedFeatures { get; }

    /// <inheritdoc/>
    public bool HasVirtualTime => source.HasVirtualTime;

    /// <inheritdoc/>
    public CheckOutcome Run(Check check, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        LiveTarget? live = null;
        CheckOutcome? outcome = null;
        Exception? unavailable = null;
        using var done = new ManualResetEventSlim();

        // A thread of its own, so that a target that hangs inside a call (the model, in process) can be left behind.
        var thread = new Thread(() =>
        {
            try
            {
                outcome = RunOn(check, target => live = target);
            }
            catch (TargetUnavailableException failure)
            {
                unavailable = failure;
            }
            done.Set();
        })
        { IsBackground = true, Name = check.Id };
        thread.Start();

        WaitingTime.Wait(options.Deadline, step => WaitHandle.WaitAny([done.WaitHandle, cancellation.WaitHandle], step) != WaitHandle.WaitTimeout);
        if (done.IsSet)
        {
            if (unavailable is not null) throw new TargetUnavailableException(unavailable.Message, unavailable);
            return outcome! with { Milliseconds = clock.ElapsedMilliseconds };
        }

        live?.Kill();
        WaitingTime.Wait(TimeSpan.FromSeconds(2), done.Wait);
        Discard(live);
        cancellation.ThrowIfCancellationRequested();
        return new CheckOutcome(
            Verdict.Timeout, check.Title, $"no end within {options.Deadline.TotalSeconds:0.#} s; the target was killed. {live?.LastWords}".TrimEnd(),
            live?.Evidence() ?? [], clock.ElapsedMilliseconds);
    }

    /// <inheritdoc/>
    public void Refresh()
    {
        asItIs?.Dispose();
        special?.Target.Dispose();
        (asItIs, special) = (null, null);
    }

    /// <inheritdoc/>
    public ICheckSession Another() => new CheckSession(source, options, resets, ownsSource: false);

    /// <inheritdoc/>
    public void Dispose()
    {
        Refresh();
        if (ownsSource) source.Dispose();
    }

    private CheckOutcome RunOn(Check check, Action<LiveTarget> started)
    {
        var live = TargetFor(check.Shape, out var whyNot);
        if (live is null) return Outcome(Verdict.NotApplicable, whyNot ?? "the target cannot have such a device", "", []);
        started(live);
        var context = live.ContextFor(new Random(SeedFor(check)), resets);
        var outcome = Judge(check, context, live);
        if (options.Trace && outcome.Evidence.Count == 0) outcome = outcome with { Evidence = live.Evidence() };
        if (outcome.Verdict is not (Verdict.Crash or Verdict.Timeout)) return Restore(check, live, outcome);
        Discard(live);
        return outcome;
    }

    private static CheckOutcome Judge(Check check, CheckContext context, LiveTarget live)
    {
        try
        {
            check.Body(context);
            return Outcome(Verdict.Pass, "", context.Note, []);
        }
        catch (ExpectationFailedException failure)
        {
            return Broken(check.Level == Level.Must ? Verdict.Fail : Verdict.Warn, failure.Expected, failure.Actual, live);
        }
        catch (DeviceViolationException failure)
        {
            return Broken(Verdict.Fail, $"{failure.Expected} ({failure.Clause})", failure.Actual, live) with { ChargedTo = failure.Clause };
        }
        catch (NotApplicableException reason)
        {
            return Outcome(Verdict.NotApplicable, reason.Message, "", []);
        }
        catch (QueueTooSmallException reason)
        {
            return Outcome(Verdict.NotApplicable, reason.Message, "", []);
        }
        catch (GuestSetupException failure)
        {
            return Broken(Verdict.Error, "the check's set-up works", failure.Message, live);
        }
        catch (TargetDiedException death)
        {
            return Ended(Verdict.Crash, check.Title, death.Message, death.LastWords, live);
        }
        catch (TargetHungException hang)
        {
            return Ended(Verdict.Timeout, check.Title, hang.Message, hang.LastWords, live);
        }
        catch (Exception bug) when (bug is not OperationCanceledException)
        {
            // Whatever else comes is a mistake of the check or the driver; it must not end the run, and must not be blamed on the device.
            return Outcome(Verdict.Error, "the check works", $"{bug.GetType().Name}: {bug.Message} {bug.StackTrace?.Split('\n')[0].Trim()}", live.Evidence());
        }
    }

    private static CheckOutcome Broken(Verdict verdict, string expected, string actual, LiveTarget live)
    {
        try
        {
            if (live.Ailment() is { } ailment) actual = $"{actual}; {ailment}";
        }
        catch (TargetDiedException death)
        {
            return Ended(Verdict.Crash, expected, $"{actual}; then {death.Message}", death.LastWords, live);
        }
        catch (TargetHungException hang)
        {
            return Ended(Verdict.Timeout, expected, $"{actual}; then {hang.Message}", hang.LastWords, live);
        }
        return Outcome(verdict, expected, actual, live.Evidence());
    }

    /// <summary>The target's very last line says how it ended; what it wrote before, perhaps during earlier checks, is evidence.</summary>
    private static CheckOutcome Ended(Verdict verdict, string expected, string how, string lastWords, LiveTarget live)
    {
        var lines = lastWords.Split('\n');
        return Outcome(verdict, expected, $"{how}: {lines[^1]}", [.. live.Evidence(), .. lines.Select(line => $"said: {line}")]);
    }

    /// <summary>Brings the target back to a known state, or puts it away; a target that does not survive that has not survived the check.</summary>
    private CheckOutcome Restore(Check check, LiveTarget live, CheckOutcome outcome)
    {
        var usable = false;
        try
        {
            usable = live.TryRestore(check.Id, resets);
            return outcome;
        }
        catch (TargetDiedException death)
        {
            return Ended(Verdict.Crash, "the device survives the device reset after the check", death.Message, death.LastWords, live);
        }
        catch (TargetHungException hang)
        {
            return Ended(Verdict.Timeout, "the device works after the device reset after the check", hang.Message, hang.LastWords, live);
        }
        catch (DeviceViolationException violation) when (outcome.Verdict == Verdict.Pass)
        {
            return Broken(Verdict.Fail, $"{violation.Expected} ({violation.Clause}), also after the device reset after the check", violation.Actual, live) with { ChargedTo = violation.Clause };
        }
        catch (GuestSetupException failure) when (failure.IsOfHarness && outcome.Verdict == Verdict.Pass)
        {
            return Outcome(Verdict.Error, "the target can be looked into after the check", failure.Message, live.Evidence());
        }
        catch (Exception failure) when (failure is DeviceViolationException or GuestSetupException)
        {
            // Nothing can be proven of this target any more; a fresh one takes its place. The checks of resets find such a device.
            return outcome.Verdict == Verdict.Pass ? outcome with { Actual = $"{outcome.Actual} (then the target was replaced: {failure.Message})".TrimStart() } : outcome;
        }
        finally
        {
            if (!usable) Discard(live);
        }
    }

    private LiveTarget? TargetFor(TargetShape shape, out string? whyNot)
    {
        whyNot = null;
        asItIs ??= Open(TargetShape.Default, out _)!;
        if (Fits(asItIs.Initial, shape)) return asItIs;
        if (special is { } kept && kept.Shape == shape) return kept.Target;
        special?.Target.Dispose();
        special = null;
        var opened = Open(shape, out whyNot);
        if (opened is null) return null;
        if (!Fits(opened.Initial, shape))
        {
            opened.Dispose();
            whyNot = $"the target was asked for a device {shape}, and is another";
            return null;
        }
        special = (shape, opened);
        return opened;
    }

    private LiveTarget? Open(TargetShape shape, out string? whyNot) =>
        source.Open(shape, out whyNot) is { } target ? LiveTarget.Open(target, source.AlsoAccept, options.Trace) : null;

    private void Discard(LiveTarget? live)
    {
        if (live is null) return;
        live.Dispose();
        if (ReferenceEquals(asItIs, live)) asItIs = null;
        if (special is { } kept && ReferenceEquals(kept.Target, live)) special = null;
    }

    /// <summary>Whether a device is of a shape, as far as it shows from outside; a second endpoint's reserved region shows in PROBE.</summary>
    private static bool Fits(InitialState initial, TargetShape shape) =>
        (shape.Offering & ~initial.OfferedFeatures) == 0
        && (shape.Withholding & initial.OfferedFeatures) == 0
        && (shape.InitialBypass is not { } bypass || (initial.Config.Bypass & 1) == (bypass ? 1 : 0))
        && (shape.PageSizeMask is not { } mask || initial.Config.PageSizeMask == mask)
        && (shape.InputRange is not { } range || (initial.Config.InputStart == range.First && initial.Config.InputEnd == range.Last))
        && (shape.ReservedForSecondEndpoint is not { } region
            || initial.ReservedRegions.Contains(new ReservedRegion(ReservedRegion.ReservedSubtype, 0, region.First, region.Last)));

    private int SeedFor(Check check)
    {
        // FNV-1a of the id: the same in every run and on every platform.
        var hash = 14695981039346656037UL ^ options.Seed;
        foreach (var b in Encoding.UTF8.GetBytes(check.Id)) hash = unchecked((hash ^ b) * 1099511628211UL);
        return (int)(hash ^ hash >> 32);
    }

    private static CheckOutcome Outcome(Verdict verdict, string expected, string actual, IReadOnlyList<string> evidence) =>
        new(verdict, expected, actual, evidence, 0);
}
