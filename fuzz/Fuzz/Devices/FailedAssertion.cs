using System.Text.RegularExpressions;

namespace Viommu.Fuzz.Devices;

/// <summary>The assertion that a process names in its last words: it tells its ends apart better than what was done to it.</summary>
internal static partial class FailedAssertion
{
    /// <summary>The last that is named, without the line that it stands in, so that it is the same in the next build; null where none is.</summary>
    public static string? In(string lastWords) =>
        Pattern().Matches(lastWords) is { Count: > 0 } all ? $"{all[^1].Groups["function"].Value}: {all[^1].Groups["condition"].Value}".Replace('|', '/') : null;

    // As the C library says it: program: file:line: function: Assertion `condition' failed.
    [GeneratedRegex(@":\d+: (?<function>[^:\n]+): Assertion `(?<condition>[^\n]+)' failed")]
    private static partial Regex Pattern();
}
