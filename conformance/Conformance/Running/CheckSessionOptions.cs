namespace Viommu.Conformance.Running;

/// <summary>How checks are run.</summary>
/// <param name="Deadline">How long a check may take, set-up included, before its verdict is TIMEOUT.</param>
/// <param name="Seed">Where all random choices come from.</param>
public sealed record CheckSessionOptions(TimeSpan Deadline, ulong Seed);
