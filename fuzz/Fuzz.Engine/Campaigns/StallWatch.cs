namespace Viommu.Fuzz.Engine.Campaigns;

/// <summary>
/// For how long jobs have not got on, in time that they could have used: processor time, and the clock where a job waits. While the process
/// was stopped, its machine slept, or others had the processors, no input is to blame.
/// </summary>
/// <param name="jobs">Number of jobs.</param>
public sealed class StallWatch(int jobs)
{
    /// <summary>The most that counts between two looks, which come each second.</summary>
    public static readonly TimeSpan LongestGap = TimeSpan.FromSeconds(2);

    /// <summary>Where nobody sees what keeps a job, so much of the clock counts as one.</summary>
    public const int Unexplained = 10;

    private readonly (long? Progress, TimeSpan Awake, TimeSpan Used)[] _jobs = new (long?, TimeSpan, TimeSpan)[jobs];
    private TimeSpan _lastLook;
    private TimeSpan _lastSpent;
    private TimeSpan _gap;
    private TimeSpan _share;

    /// <summary>Somebody looks, at that moment of the campaign, for which the process has <paramref name="spent"/> that much processor time.</summary>
    public void Look(TimeSpan now, TimeSpan spent)
    {
        var gap = now - _lastLook;
        _gap = gap < LongestGap ? gap : LongestGap;
        _share = (spent - _lastSpent) / jobs;
        (_lastLook, _lastSpent) = (now, spent);
    }

    /// <summary>
    /// For how long the job has stood where it is. Once for each look; <paramref name="progress"/> is null where it runs no input,
    /// <paramref name="isWaiting"/> where its thread waits for something rather than for a processor.
    /// </summary>
    public TimeSpan Stalled(int job, long? progress, bool isWaiting)
    {
        ref var seen = ref _jobs[job];
        seen = progress is null || progress != seen.Progress ? (progress, default, default) : (progress, seen.Awake + _gap, seen.Used + (isWaiting ? _gap : _share));
        var unexplained = seen.Awake / Unexplained;
        return unexplained > seen.Used ? unexplained : seen.Used;
    }
}
