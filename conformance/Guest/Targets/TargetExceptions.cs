namespace Viommu.Guest.Targets;

/// <summary>The target is gone: a crash, an assertion, or a kill. Always a verdict of its own, never "rejected as expected".</summary>
public sealed class TargetDiedException(string message, string lastWords) : Exception(message)
{
    /// <summary>What the target said last.</summary>
    public string LastWords { get; } = lastWords;
}

/// <summary>The target no longer answers register accesses within its deadline.</summary>
public sealed class TargetHungException(string message, string lastWords) : Exception(message)
{
    /// <summary>True where it did answer, but not as its protocol has it, so that nothing more can be made of what it says.</summary>
    public bool BreaksProtocol { get; init; }

    /// <summary>What the target said last.</summary>
    public string LastWords { get; } = lastWords;
}

/// <summary>A target cannot be had: the program is missing, of the wrong kind, or does not start. The message says what to do.</summary>
public sealed class TargetUnavailableException(string message, Exception? inner = null) : Exception(message, inner);
