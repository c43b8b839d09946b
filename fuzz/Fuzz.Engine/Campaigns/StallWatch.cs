namespace Viommu.Fuzz.Engine.Campaigns;

/// <summary>
/// For how long jobs have not got on, as far as somebody looked: a process that was stopped, or whose machine slept, was not at work meanwhile,
/// and no input is to blame for that.
/// </summary>
/// <param name="jobs">Number of jobs.</param>
public sealed class StallWatch(int jobs)
{
    /// <summary>The most that counts between two looks, which come each second.</summary>
    public static readonly TimeSpan LongestGap = TimeSpan.FromSeconds(2);

    private readonly (long? Progress, TimeSpan For)[] _jobs = new (long?, TimeSpan)[jobs];
    private TimeSpan _lastLook;
    private TimeSpan _gap;

    /// <summary>Somebody looks, at that moment of the campaign.</summary>
    public void Look(TimeSpan now)
    {
        var gap = now - _lastLook;
        _gap = gap < LongestGap ? gap : LongestGap;
        _lastLook = now;
    }

    /// <summary>For how long the job has stood where it is; <paramref name="progress"/> is null where it runs no input. Once for each look.</summary>
    public TimeSpan Stalled(int job, long? progress)
    {
        ref var seen = ref _jobs[job];
        seen = progress is null || progress != seen.Progress ? (progress, TimeSpan.Zero) : (progress, seen.For + _gap);
        return seen.For;
    }
}
