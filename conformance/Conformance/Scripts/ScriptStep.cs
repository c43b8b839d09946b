using Viommu.Conformance.Oracle;
using Viommu.Guest.Driver;

namespace Viommu.Conformance.Scripts;

/// <summary>How an operation ended for the target itself.</summary>
public enum StepEnd
{
    /// <summary>It is still there.</summary>
    Alive,

    /// <summary>The device broke a ground rule of the virtqueue, on which everything else relies.</summary>
    Violation,

    /// <summary>It died.</summary>
    Crash,

    /// <summary>It does not answer any more.</summary>
    Hang,
}

/// <summary>One operation of a script as it went on a target.</summary>
/// <param name="Operation">The operation, with what was seen.</param>
/// <param name="Judgement">What the oracle makes of it: the first deviation, where there are several.</param>
/// <param name="End">Whether the target is still there.</param>
public sealed record ScriptStep(ScriptOperation Operation, Judgement Judgement, StepEnd End = StepEnd.Alive)
{
    /// <summary>The request, where there was one.</summary>
    public Exchange? Exchange { get; init; }

    /// <summary>What would have been right.</summary>
    public string Expected { get; init; } = "";

    /// <summary>What the target said last, where it ended.</summary>
    public string LastWords { get; init; } = "";

    /// <summary>The clause that is broken; empty where none is.</summary>
    public string Broken { get; init; } = "";

    /// <summary>True where a clause is broken, or the target is gone.</summary>
    public bool IsFinding => Broken.Length > 0;
}
