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

    /// <summary>
    /// Runs one check to its outcome, within the session's deadline. A target that dies or hangs is an outcome, and a fresh one is
    /// there for the next check. Throws <see cref="OperationCanceledException"/> where <paramref name="cancellation"/> ends it, and
    /// <see cref="TargetUnavailableException"/> where no fresh target can be had.
    /// </summary>
    CheckOutcome Run(Check check, CancellationToken cancellation);
}
