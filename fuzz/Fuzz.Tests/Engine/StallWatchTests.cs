using Viommu.Fuzz.Engine.Campaigns;

namespace Viommu.Fuzz.Tests.Engine;

public sealed class StallWatchTests
{
    private readonly StallWatch _watch = new(jobs: 2);

    [Fact]
    public void What_does_not_get_on_stalls_for_as_long_as_somebody_looks()
    {
        Assert.Equal(0, StalledAt(1, 7));
        Assert.Equal(1, StalledAt(2, 7));
        Assert.Equal(2.5, StalledAt(3.5, 7));
        Assert.Equal(0, StalledAt(4.5, 8));
        Assert.Equal(1, StalledAt(5.5, 8));
    }

    [Fact]
    public void A_job_without_an_input_does_not_stall()
    {
        StalledAt(1, 7);
        Assert.Equal(0, StalledAt(2, null));
        Assert.Equal(0, StalledAt(3, 7));
    }

    [Fact]
    public void A_process_that_was_stopped_meanwhile_is_no_stall_of_an_input()
    {
        StalledAt(1, 7);
        Assert.Equal(StallWatch.LongestGap.TotalSeconds, StalledAt(600, 7));
    }

    [Fact]
    public void Each_job_stalls_by_itself()
    {
        _watch.Look(TimeSpan.FromSeconds(1));
        _watch.Stalled(0, 7);
        _watch.Stalled(1, 7);
        _watch.Look(TimeSpan.FromSeconds(2));
        Assert.Equal(TimeSpan.FromSeconds(1), _watch.Stalled(0, 7));
        Assert.Equal(TimeSpan.Zero, _watch.Stalled(1, 8));
    }

    private double StalledAt(double seconds, long? progress)
    {
        _watch.Look(TimeSpan.FromSeconds(seconds));
        return _watch.Stalled(0, progress).TotalSeconds;
    }
}
