using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Watching.Workload;

/// <summary>Something for a driver to do, on a device of its own.</summary>
/// <param name="Name">A word or two, for <c>--only</c>-like choices and for evidence.</param>
/// <param name="Play">What the user asks of the driver. Throws where the device is not what it has to be.</param>
internal sealed record Scenario(string Name, Action<GuestUser> Play)
{
    /// <summary>What the device has to be.</summary>
    public TargetShape Shape { get; init; } = TargetShape.Default;

    /// <summary>How the reference device misbehaves; null where it does not, so that any other target does as well.</summary>
    public ModelVariation? Misbehaviour { get; init; }

    /// <summary>The transports on which the misbehaviour can be had; empty for all.</summary>
    public IReadOnlyList<ModelTransport> Transports { get; init; } = [];

    /// <summary>True where a sound driver finds nothing to drive, so that what is to be played is for others.</summary>
    public bool IsNoDevice { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
