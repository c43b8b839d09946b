using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Expectations;

/// <summary>One entry of an expectations file: these checks are known to end so, on these targets, for this reason.</summary>
/// <param name="Check">Ids of the checks.</param>
/// <param name="Verdict">How they end: FAIL, WARN, CRASH, TIMEOUT or N/A.</param>
/// <param name="Reason">Why; for whoever reads the file next.</param>
/// <param name="Url">Where it is tracked.</param>
internal sealed record Expectation(Glob Check, Verdict Verdict, string Reason, string Url)
{
    /// <summary>Names of the targets it is about; null for all.</summary>
    public Glob? Target { get; init; }

    /// <summary>Versions of the target it is about; null for all.</summary>
    public VersionCondition? Version { get; init; }

    /// <summary>Configurations of the target it is about; null for all.</summary>
    public ConfigurationCondition? Configuration { get; init; }

    /// <summary>What the device has to offer, and not to offer; null for whatever it does.</summary>
    public FeatureCondition? Feature { get; init; }

    /// <summary>The last day on which it holds; null for ever.</summary>
    public DateOnly? Expires { get; init; }

    /// <summary>Text that has to occur in what the device did; null for any.</summary>
    public string? Actual { get; init; }

    /// <summary>File and line, <c>file:line</c>.</summary>
    public required string Where { get; init; }

    /// <summary>True where the entry speaks of a target that offers such features.</summary>
    public bool IsAbout(TargetIdentity target, ulong offered) => Target?.Matches(target.Name) != false && Version?.Holds(target.Version) != false
        && Configuration?.Holds(target.Configuration) != false && Feature?.Holds(offered) != false;

    /// <summary>True where that outcome is just what the entry says.</summary>
    public bool Foretells(Verdict verdict, string actual) =>
        verdict == Verdict && (Actual is null || actual.Contains(Actual, StringComparison.Ordinal));
}
