using Viommu.Conformance.Checks;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Running;

/// <summary>Runs checks one after the other on targets of one kind, and keeps those targets alive between checks.</summary>
public interface ICheckSession : IDisposable
{
    /// <summary>What is under test; known once the session is open.</summary>
    TargetIdentity Target { get; }

    /// <summary>The feature bits that the target offers as it is.</summary>
    ulong OfferedFeatures { get; }

    /// <summary>True where time is virtual, so that a check that is repeated ends as it did.</summary>
    bool HasVirtualTime { get; }

    /// <summary>
    /// Runs one check to its outcome, within the session's deadline. A target that dies or hangs is an outcome, and a fresh one is
    /// there for the next check. Throws <see cref="OperationCanceledException"/> where <paramref name="cancellation"/> ends it, and
    /// <see cref="TargetUnavailableException"/> where no fresh target can be had.
    /// </summary>
    CheckOutcome Run(Check check, CancellationToken cancellation);

    /// <summary>Puts the targets away, so that the next check runs on a fresh one.</summary>
    void Refresh();

    /// <summary>Another session of the same run, on targets of its own; it has to be disposed of before this one.</summary>
    ICheckSession Another();
}
