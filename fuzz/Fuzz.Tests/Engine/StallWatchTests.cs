using Viommu.Fuzz.Engine.Campaigns;

namespace Viommu.Fuzz.Tests.Engine;

public sealed class StallWatchTests
{
    private readonly StallWatch _watch = new(jobs: 2);

    [Fact]
    public void What_does_not_get_on_stalls_for_its_share_of_the_processor_time()
    {
        Assert.Equal(0, StalledAt(1, spent: 2, 7));
        Assert.Equal(1, StalledAt(2, spent: 4, 7));
        Assert.Equal(2.5, StalledAt(3.5, spent: 7, 7));
        Assert.Equal(0, StalledAt(4.5, spent: 9, 8));
        Assert.Equal(1, StalledAt(5.5, spent: 11, 8));
    }

    [Fact]
    public void A_job_without_an_input_does_not_stall()
    {
        StalledAt(1, spent: 2, 7);
        Assert.Equal(0, StalledAt(2, spent: 4, null));
        Assert.Equal(0, StalledAt(3, spent: 6, 7));
    }

    [Fact]
    public void A_process_that_gets_no_processor_is_no_stall_of_an_input_until_it_has_waited_for_long()
    {
        StalledAt(1, spent: 2, 7);
        for (int i = 2; i <= 11; i++) StalledAt(i, spent: 2.1, 7);
        Assert.Equal(1.1, StalledAt(12, spent: 2.1, 7), 3);
    }

    [Fact]
    public void A_process_that_was_stopped_meanwhile_is_no_stall_of_an_input()
    {
        StalledAt(1, spent: 2, 7);
        Assert.Equal(StallWatch.LongestGap.TotalSeconds / StallWatch.Unexplained, StalledAt(600, spent: 2.1, 7));
    }

    [Fact]
    public void What_waits_stalls_by_the_clock()
    {
        StalledAt(1, spent: 2, 7);
        Assert.Equal(1, StalledAt(2, spent: 2.1, 7, isWaiting: true));
        Assert.Equal(2.5, StalledAt(3.5, spent: 2.2, 7, isWaiting: true));
    }

    [Fact]
    public void Each_job_stalls_by_itself()
    {
        _watch.Look(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2));
        _watch.Stalled(0, 7, isWaiting: false);
        _watch.Stalled(1, 7, isWaiting: false);
        _watch.Look(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(4));
        Assert.Equal(TimeSpan.FromSeconds(1), _watch.Stalled(0, 7, isWaiting: false));
        Assert.Equal(TimeSpan.Zero, _watch.Stalled(1, 8, isWaiting: false));
    }

    private double StalledAt(double now, double spent, long? progress, bool isWaiting = false)
    {
        _watch.Look(TimeSpan.FromSeconds(now), TimeSpan.FromSeconds(spent));
        return _watch.Stalled(0, progress, isWaiting).TotalSeconds;
    }
}
