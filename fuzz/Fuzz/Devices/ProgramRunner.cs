using Viommu.Fuzz.Afl;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Guest.Targets;

namespace Viommu.Fuzz.Devices;

/// <summary>
/// Runs inputs of one target on a real device, and on a fresh one after it has ended. With what a campaign knows, inputs are scouted: what is
/// known to end the device is left out. Without it they are replayed, to the first deviation.
/// </summary>
/// <param name="edges">Where the device's process counts the edges that its code takes; null where it does not.</param>
internal abstract class ProgramRunner(AflCounters? edges) : IDisposable
{
    private ProgramCourse? _course;
    private long _progress;

    /// <summary>Name and version of the device; one is started where none runs.</summary>
    public abstract TargetIdentity Identity { get; }

    /// <summary>Layout of the inputs.</summary>
    public abstract InputShape Shape { get; }

    /// <summary>Number of the abstract states that are told apart.</summary>
    public abstract int StateCount { get; }

    /// <summary>The edges that the device's own code takes, where its process counts them; null where it does not.</summary>
    public AflCounters? Edges => edges;

    /// <summary>Processes that ended, hung, or did not do what every input begins with.</summary>
    public abstract int Deaths { get; }

    /// <summary>Counts up with each step, none of which takes long whatever the device does. Read from any thread.</summary>
    public long Progress => Volatile.Read(ref _progress) + Starts;

    /// <summary>Times that a start of a process was tried. Read from any thread.</summary>
    protected abstract int Starts { get; }

    /// <summary>Times that something was sent to the device and its answer was waited for.</summary>
    protected abstract long RoundTrips { get; }

    /// <summary>The input that runs.</summary>
    protected ProgramCourse Course => _course ?? throw new InvalidOperationException("no input runs");

    /// <summary>Scouts an input: there is a finding where something is broken that is not known.</summary>
    public ProgramRun Scout(ReadOnlySpan<byte> input, Observations observations, DeviceKnowledge knowledge)
    {
        knowledge.Begin();
        long before = RoundTrips;
        var run = Run(input, new(observations, knowledge, avoided: null));
        knowledge.Cost = (knowledge.Cost.Programs + 1, knowledge.Cost.RoundTrips + RoundTrips - before);
        return run;
    }

    /// <summary>Replays an input. Where a request would complete one of the sequences to be avoided, it ends before it.</summary>
    public ProgramRun Replay(ReadOnlySpan<byte> input, Observations observations, FatalSequences? avoided)
    {
        avoided?.Restart();
        return Run(input, new(observations, knowledge: null, avoided));
    }

    /// <inheritdoc/>
    public virtual void Dispose() => edges?.Dispose();

    /// <summary>Brings the device to where inputs start and runs an input that has a header; what it comes to is in <see cref="Course"/>.</summary>
    protected abstract void RunSteps(ReadOnlySpan<byte> input);

    /// <summary>A step begins.</summary>
    protected void GetOn() => Volatile.Write(ref _progress, _progress + 1);

    private ProgramRun Run(ReadOnlySpan<byte> input, ProgramCourse course)
    {
        _course = course;
        if (input.Length < Shape.HeaderSize) return course.Result;
        try
        {
            RunSteps(input);
        }
        finally
        {
            edges?.End();
        }

        return course.Result;
    }
}
