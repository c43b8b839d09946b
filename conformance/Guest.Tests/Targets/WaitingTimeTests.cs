using Viommu.Guest.Targets;
using Viommu.Guest.Tests.Support;

namespace Viommu.Guest.Tests.Targets;

public class WaitingTimeTests
{
    private readonly HandClock clock = new();

    [Fact]
    public void What_passes_between_looks_is_waited()
    {
        var waiting = new WaitingTime(clock);
        for (var look = 1; look <= 50; look++)
        {
            clock.Pass(TimeSpan.FromMilliseconds(20));
            Assert.Equal(look * TimeSpan.FromMilliseconds(20), waiting.Look());
        }
    }

    [Fact]
    public void Who_was_stopped_was_not_kept_waiting()
    {
        var waiting = new WaitingTime(clock);
        clock.Pass(TimeSpan.FromHours(1));
        Assert.Equal(WaitingTime.LongestGap, waiting.Look());
        clock.Pass(TimeSpan.FromMilliseconds(1));
        Assert.Equal(WaitingTime.LongestGap + TimeSpan.FromMilliseconds(1), waiting.Look());
    }

    [Fact]
    public void What_has_come_is_taken_however_little_time_there_is() => Assert.True(WaitingTime.Wait(TimeSpan.Zero, _ => true));

    [Fact]
    public void What_comes_is_waited_for_in_steps_no_longer_than_the_limit()
    {
        var steps = new List<TimeSpan>();
        Assert.True(WaitingTime.Wait(TimeSpan.FromDays(1), step =>
        {
            steps.Add(step);
            return steps.Count == 3;
        }));
        Assert.All(steps, step => Assert.InRange(step, TimeSpan.FromTicks(1), WaitingTime.LongestGap));
    }

    [Fact]
    public void What_does_not_come_is_given_up() => Assert.False(WaitingTime.Wait(TimeSpan.FromMilliseconds(120), step =>
    {
        Thread.Sleep(step);
        return false;
    }));
}
