using Viommu.Conformance.Recorded;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Comparing;

/// <summary>What became of a check from one run to another. Ordered from what matters most.</summary>
internal enum Change
{
    /// <summary>It fails, and did not before: it passed, or was not judged.</summary>
    Broken,

    /// <summary>It fails worse than before.</summary>
    Worse,

    /// <summary>The run owes a result that was there before.</summary>
    Lost,

    /// <summary>It failed, and passes.</summary>
    Fixed,

    /// <summary>It fails less badly than before.</summary>
    Better,

    /// <summary>It was judged before, and does not apply, or was left out, now.</summary>
    NotJudged,

    /// <summary>It was not judged before, and passes.</summary>
    Judged,

    /// <summary>There was no such check.</summary>
    New,

    /// <summary>There is no such check any more.</summary>
    Gone,

    /// <summary>Nothing.</summary>
    None,
}

/// <summary>What changes are called and what they mean.</summary>
internal static class Changes
{
    /// <summary>
    /// What became of a check. It is the device that is compared, so what was observed counts, and not what an expectations file made of it.
    /// </summary>
    public static Change Between(RecordedCheck? before, RecordedCheck? after) => (before, after) switch
    {
        (null, null) => Change.None,
        (null, _) => Change.New,
        (_, null) => Change.Gone,
        _ => Between(before.Observed, after.Observed),
    };

    /// <summary>The word of a change.</summary>
    public static string Name(this Change change) => change switch
    {
        Change.Broken => "BROKEN",
        Change.Worse => "WORSE",
        Change.Lost => "LOST",
        Change.Fixed => "FIXED",
        Change.Better => "BETTER",
        Change.NotJudged => "NOT-JUDGED",
        Change.Judged => "JUDGED",
        Change.New => "NEW",
        Change.Gone => "GONE",
        Change.None => "SAME",
        _ => throw new ArgumentOutOfRangeException(nameof(change), change, null),
    };

    /// <summary>True where something got worse.</summary>
    public static bool IsRegression(this Change change) => change is Change.Broken or Change.Worse or Change.Lost;

    private static Change Between(Verdict before, Verdict after) => (Severity(before), Severity(after)) switch
    {
        (_, null) when after.IsHarnessFault() => before.IsHarnessFault() ? Change.None : Change.Lost,
        (null, null) => Change.None,
        (null, 0) => Change.Judged,
        (null, _) => Change.Broken,
        (_, null) => Change.NotJudged,
        var (was, now) when was == now => Change.None,
        (0, _) => Change.Broken,
        (_, 0) => Change.Fixed,
        var (was, now) => was < now ? Change.Worse : Change.Better,
    };

    /// <summary>How bad a verdict is for the device; null where it says nothing of it.</summary>
    private static int? Severity(Verdict verdict) => verdict switch
    {
        Verdict.Pass => 0,
        Verdict.Warn or Verdict.Flake => 1,
        Verdict.Fail => 2,
        Verdict.Timeout => 3,
        Verdict.Crash => 4,
        _ => null,
    };
}
