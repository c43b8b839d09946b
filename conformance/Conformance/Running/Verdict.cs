namespace Viommu.Conformance.Running;

/// <summary>What is said of a check, or of a clause by its checks. Ordered from harmless to worst.</summary>
public enum Verdict
{
    /// <summary>The rule is kept.</summary>
    Pass,

    /// <summary>The rule does not apply to this device; the reason names the feature or capability that decided it.</summary>
    NotApplicable,

    /// <summary>Left out by the user.</summary>
    Skip,

    /// <summary>A clause that no check judges; the reason is written beside it.</summary>
    NotTested,

    /// <summary>Broken, as the user's expectations file says it would be.</summary>
    ExpectedFailure,

    /// <summary>Planned, but the run ended before it had a result.</summary>
    Missing,

    /// <summary>A SHOULD is broken.</summary>
    Warn,

    /// <summary>It failed, and did not when it was repeated on a fresh target.</summary>
    Flake,

    /// <summary>The harness or the check's own set-up failed: nothing is said of the device.</summary>
    Error,

    /// <summary>Kept, although the user's expectations file says it would be broken.</summary>
    UnexpectedPass,

    /// <summary>A MUST is broken.</summary>
    Fail,

    /// <summary>The target did not answer within its deadline.</summary>
    Timeout,

    /// <summary>The target died.</summary>
    Crash,
}
