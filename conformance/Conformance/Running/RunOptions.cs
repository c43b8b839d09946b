using Viommu.Conformance.Catalogue;

namespace Viommu.Conformance.Running;

/// <summary>How a run goes.</summary>
/// <param name="Seed">Where every random choice comes from; for the reports.</param>
/// <param name="Strict">True where a broken SHOULD is a finding.</param>
/// <param name="Budget">When to start no further check; null for no limit.</param>
internal sealed record RunOptions(ulong Seed, bool Strict = false, TimeSpan? Budget = null)
{
    /// <summary>The version of the spec that is judged by; for the reports.</summary>
    public SpecVersion Spec { get; init; } = SpecVersions.Latest;

    /// <summary>True where a broken SHOULD that isolation hangs on is a finding, whatever <see cref="Strict"/> says.</summary>
    public bool StrictOnSecurity { get; init; }

    /// <summary>After how many findings no further check begins; null for no limit.</summary>
    public int? MaxFailures { get; init; }

    /// <summary>How often a check that fails is repeated on a fresh target; never where time is virtual.</summary>
    public int Retries { get; init; }

    /// <summary>True where checks run in an order that the seed decides.</summary>
    public bool Shuffled { get; init; }
}
