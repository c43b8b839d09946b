using System.Globalization;

namespace Viommu.Conformance.Running;

/// <summary>One of several parts of a plan, for machines that share the work.</summary>
/// <param name="Number">Which part, from 1.</param>
/// <param name="Of">How many parts there are.</param>
public sealed record Shard(int Number, int Of)
{
    private const int Most = 1000;
    private const string LeftOut = "left out by --shard ";

    /// <summary>The part that <c>2/5</c> names; null where it names none.</summary>
    public static Shard? Parse(string text) =>
        text.Split('/') is [var number, var of]
        && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && int.TryParse(of, NumberStyles.None, CultureInfo.InvariantCulture, out var m)
        && n >= 1 && n <= m && m <= Most
            ? new(n, m) : null;

    /// <summary>
    /// The plan with the checks of other parts left out: dealt one by one, so that costly neighbours are spread. What judges the whole run is
    /// in every part, since each part is a run.
    /// </summary>
    public IReadOnlyList<PlannedCheck> Deal(IReadOnlyList<PlannedCheck> plan)
    {
        var dealt = 0;
        return [.. plan.Select(p => p.LeftOut is not null || p.Check.JudgesTheRun || dealt++ % Of == Number - 1 ? p : p with { LeftOut = $"{LeftOut}{this}" })];
    }

    /// <summary>True for the reason why a check is left out that is another part's.</summary>
    public static bool IsElsewhere(string reason) => reason.StartsWith(LeftOut, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number}/{Of}");
}
