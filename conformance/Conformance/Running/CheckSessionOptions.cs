namespace Viommu.Conformance.Running;

/// <summary>How checks are run.</summary>
/// <param name="Deadline">How long a check may take, set-up included, before its verdict is TIMEOUT.</param>
/// <param name="Seed">Where all random choices come from.</param>
public sealed record CheckSessionOptions(TimeSpan Deadline, ulong Seed)
{
    /// <summary>True where all that passes is kept as evidence, of checks that pass too.</summary>
    public bool Trace { get; init; }
}
