namespace Viommu.Guest.Targets;

/// <summary>
/// How long somebody has been kept waiting: of what passes between two looks at the clock no more than a moment counts. A process that was stopped, or
/// that others kept from its processors, was not kept waiting by whom it waits for, who was most likely stopped as well.
/// </summary>
/// <param name="clock">The clock.</param>
/// <param name="longestGap">The most that counts between two looks; whoever waits looks much more often.</param>
public sealed class WaitingTime(TimeProvider clock, TimeSpan longestGap)
{
    /// <summary>The most that counts between two looks, where nobody says otherwise.</summary>
    public static readonly TimeSpan LongestGap = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(50);

    private long _last = clock.GetTimestamp();
    private TimeSpan _waited;

    /// <summary>By the clock of the system.</summary>
    public WaitingTime()
        : this(TimeProvider.System)
    {
    }

    /// <summary>By <paramref name="clock"/>.</summary>
    public WaitingTime(TimeProvider clock)
        : this(clock, LongestGap)
    {
    }

    /// <summary>Looks at the clock; how long it has been until now.</summary>
    public TimeSpan Look()
    {
        var now = clock.GetTimestamp();
        var gap = clock.GetElapsedTime(_last, now);
        _last = now;
        return _waited += gap < longestGap ? gap : longestGap;
    }

    /// <summary>
    /// Waits for as long as <paramref name="limit"/>, in steps: <paramref name="hasCome"/> waits for what it is told, and says whether it has come. False
    /// where it has not.
    /// </summary>
    public static bool Wait(TimeSpan limit, Func<TimeSpan, bool> hasCome)
    {
        ArgumentNullException.ThrowIfNull(hasCome);
        var waiting = new WaitingTime();
        var left = limit;
        while (!hasCome(left < Step ? left : Step))
        {
            left = limit - waiting.Look();
            if (left <= TimeSpan.Zero) return false;
        }
        return true;
    }
}
