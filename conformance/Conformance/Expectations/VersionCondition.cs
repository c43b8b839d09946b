using System.Globalization;
using System.Text.RegularExpressions;
using Viommu.Conformance.Catalogue;

namespace Viommu.Conformance.Expectations;

/// <summary>
/// Versions of a target: comparisons that all have to hold, <c>&gt;=7.2 &lt;8</c>, or a glob, <c>7.2.*</c>. Comparisons look at the
/// leading dotted numbers, a part that is not there counts as 0, and a version that does not begin with a number fits no comparison.
/// </summary>
internal sealed partial class VersionCondition
{
    private readonly string text;
    private readonly Glob? glob;
    private readonly List<(string Operator, long[] Version)> comparisons = [];

    /// <summary>Reads a condition; throws <see cref="FormatException"/> with the cause.</summary>
    public VersionCondition(string text)
    {
        this.text = text;
        if (!text.AsSpan().ContainsAny('<', '>', '='))
        {
            glob = new(text);
            return;
        }
        foreach (var part in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var match = Comparison().Match(part);
            if (!match.Success || Parts(match.Groups[2].Value) is not { } version)
                throw new FormatException($"'{part}' is no comparison; write for example \">=7.2 <8\", or a glob such as \"7.2.*\"");
            comparisons.Add((match.Groups[1].Value, version));
        }
    }

    public bool Holds(string version)
    {
        if (glob is not null) return glob.Matches(version);
        return Parts(LeadingNumbers().Match(version).Value) is { } parts && comparisons.TrueForAll(c => Fits(Compare(parts, c.Version), c.Operator));
    }

    public override string ToString() => text;

    private static bool Fits(int order, string comparison) => comparison switch
    {
        ">=" => order >= 0,
        "<=" => order <= 0,
        ">" => order > 0,
        "<" => order < 0,
        _ => order == 0,
    };

    private static int Compare(long[] a, long[] b) =>
        Enumerable.Range(0, Math.Max(a.Length, b.Length)).Select(i => a.ElementAtOrDefault(i).CompareTo(b.ElementAtOrDefault(i))).FirstOrDefault(c => c != 0);

    private static long[]? Parts(string dotted)
    {
        var parts = new List<long>();
        foreach (var part in dotted.Split('.'))
        {
            if (!long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return null;
            parts.Add(number);
        }
        return [.. parts];
    }

    [GeneratedRegex(@"^(>=|<=|>|<|=)(\d+(?:\.\d+)*)$")]
    private static partial Regex Comparison();

    [GeneratedRegex(@"^\d+(?:\.\d+)*")]
    private static partial Regex LeadingNumbers();
}
