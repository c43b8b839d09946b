namespace Viommu.Fuzz.Engine.Findings;

/// <summary>Something broken.</summary>
/// <param name="Key">What tells bugs apart, and stays the same across rebuilds.</param>
/// <param name="Message">What was expected and what came.</param>
/// <param name="Details">The stack trace, where there is one.</param>
public sealed record Finding(FindingKey Key, string Message, string Details)
{
    /// <summary>An input that shows it better than the one that was run; null where the executor has not looked for one.</summary>
    public byte[]? Input { get; init; }

    /// <summary>What the input did, step by step; null where it was not run for that.</summary>
    public Story? Story { get; init; }

    /// <summary>The input as it was found, where another one is kept.</summary>
    public byte[]? Original { get; init; }
}

/// <summary>
/// Clause or invariant, type of exception, topmost frames without line numbers, abstract state: two inputs with the same key show the same
/// bug.
/// </summary>
/// <param name="Rule">The clause or invariant.</param>
/// <param name="Exception">The type of the exception; empty where an oracle spoke.</param>
/// <param name="Frames">The topmost frames in the code under test.</param>
/// <param name="State">The abstract state.</param>
public sealed record FindingKey(string Rule, string Exception, string Frames, string State)
{
    /// <summary>The rule that an exception breaks which no target throws.</summary>
    public const string UnexpectedException = "no-unexpected-exception";

    /// <summary>The rule that an input breaks which does something else the second time.</summary>
    public const string SameTrace = "same-input-same-trace";

    /// <summary>The key of an input that does not come back.</summary>
    public static FindingKey Hang { get; } = new("bounded-work", "", "", "hang");

    private static readonly char[] _separators = ['|'];

    /// <summary>A name for files: short, the same for the same key.</summary>
    public string FileName => $"{Slug(Rule)}-{Fingerprint(ToString()):x8}";

    /// <summary>Reads what <see cref="ToString"/> wrote; null where it did not.</summary>
    public static FindingKey? Parse(string text)
    {
        var parts = text.Split(_separators);
        return parts.Length == 4 ? new(parts[0], parts[1], parts[2], parts[3]) : null;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Rule}|{Exception}|{Frames}|{State}";

    private static string Slug(string rule) => string.Concat(rule.Select(letter => char.IsAsciiLetterOrDigit(letter) ? char.ToLowerInvariant(letter) : '-'));

    // FNV-1a: unlike the runtime's hash codes it is the same in every process.
    private static uint Fingerprint(string text)
    {
        uint hash = 2166136261;
        foreach (char letter in text) hash = (hash ^ letter) * 16777619;
        return hash;
    }
}
