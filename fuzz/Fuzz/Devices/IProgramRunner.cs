using Viommu.Fuzz.Afl;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Guest.Targets;

namespace Viommu.Fuzz.Devices;

/// <summary>
/// Runs inputs of one target on a real device, and on a fresh one after it has ended. With what a campaign knows, inputs are scouted: what is
/// known to end the device is left out. Without it they are replayed, to the first deviation.
/// </summary>
internal interface IProgramRunner : IDisposable
{
    /// <summary>Name and version of the device; one is started where none runs.</summary>
    TargetIdentity Identity { get; }

    /// <summary>Layout of the inputs.</summary>
    InputShape Shape { get; }

    /// <summary>Number of the abstract states that are told apart.</summary>
    int StateCount { get; }

    /// <summary>The edges that the device's own code takes, where its process counts them; null where it does not.</summary>
    AflCounters? Edges => null;

    /// <summary>Processes that ended, hung, or did not do what every input begins with.</summary>
    int Deaths { get; }

    /// <summary>Counts up with each step, none of which takes long whatever the device does. Read from any thread.</summary>
    long Progress { get; }

    /// <summary>Scouts an input: there is a finding where something is broken that is not known.</summary>
    ProgramRun Scout(ReadOnlySpan<byte> input, Observations observations, DeviceKnowledge knowledge);

    /// <summary>Replays an input. Where a request would complete one of the sequences to be avoided, it ends before it.</summary>
    ProgramRun Replay(ReadOnlySpan<byte> input, Observations observations, FatalSequences? avoided);
}
