using System.Runtime.Intrinsics;
using Viommu.Fuzz.Engine.Coverage;

namespace Viommu.Fuzz.Tests.Engine;

public class CoverageTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(3, 4)]
    [InlineData(7, 8)]
    [InlineData(127, 128)]
    public void Counts_of_different_buckets_are_told_apart(int one, int other) => Assert.NotEqual(Buckets.ByCount[one], Buckets.ByCount[other]);

    [Fact]
    public void Counts_looked_up_together_are_in_the_buckets_that_they_are_in_alone()
    {
        for (int first = 0; first < 256; first += 32)
        {
            var counts = Vector256.CreateSequence((byte)first, (byte)1);
            var buckets = Buckets.Of(counts);
            for (int i = 0; i < 32; i++) Assert.Equal(Buckets.ByCount[first + i], buckets[i]);
        }
    }

    [Fact]
    public void What_was_new_is_named_as_features_are()
    {
        var observations = new Observations(4);
        var novelty = new Novelty(128, 4);
        var counters = new byte[128];
        counters[5] = 1;
        counters[100] = 9;
        observations.Begin();
        observations.Visit(2);
        int[] all = CoverageFeatures.Of(counters, observations);
        Assert.True(CoverageFeatures.HasAll(counters, observations, all));
        novelty.Absorb(counters, observations);
        Assert.Equal(all.Order(), novelty.Fresh.Order());

        counters[5] = 2;
        Assert.False(CoverageFeatures.HasAll(counters, observations, all));
        novelty.Absorb(counters, observations);
        Assert.Equal([CoverageFeatures.OfEdge(5, 2)], novelty.Fresh);
    }

    [Fact]
    public void Only_what_is_new_counts_and_the_counters_are_zero_afterwards()
    {
        var observations = new Observations(4);
        var novelty = new Novelty(128, 4);
        var counters = new byte[128];
        counters[5] = 1;
        counters[100] = 9;
        Assert.True(novelty.Absorb(counters, observations));
        Assert.Equal(2, novelty.Edges);
        Assert.All(counters, counter => Assert.Equal(0, counter));

        counters[5] = 1;
        Assert.False(novelty.Absorb(counters, observations));
        counters[5] = 2;
        Assert.True(novelty.Absorb(counters, observations));
        Assert.Equal(2, novelty.Edges);
    }

    [Fact]
    public void A_state_counts_once_and_is_news_without_any_code_coverage()
    {
        var observations = new Observations(10);
        var novelty = new Novelty(0, 10);
        observations.Begin();
        observations.Visit(3);
        observations.Visit(3);
        Assert.Equal([3], observations.States.ToArray());
        Assert.True(novelty.Absorb([], observations));
        observations.Begin();
        observations.Visit(3);
        Assert.False(novelty.Absorb([], observations));
        Assert.Equal(1, novelty.States);
    }

    [Fact]
    public void The_order_of_observations_shows_in_the_trace()
    {
        var observations = new Observations(1);
        observations.Begin();
        observations.Saw(1);
        observations.Saw(2);
        ulong trace = observations.Trace;
        observations.Begin();
        observations.Saw(2);
        observations.Saw(1);
        Assert.NotEqual(trace, observations.Trace);
    }

    [Fact]
    public void Looking_for_news_allocates_nothing()
    {
        var observations = new Observations(4);
        var novelty = new Novelty(4096, 4);
        var counters = new byte[4096];
        Assert.Equal(0, Allocation.LeastOf(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                observations.Begin();
                observations.Visit(1);
                counters[77] = 1;
                novelty.Absorb(counters, observations);
            }
        }));
    }
}
