using System.Collections.Concurrent;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Campaigns;
using Viommu.Fuzz.Engine.Corpus;
using Viommu.Fuzz.Engine.Mutation;

namespace Viommu.Fuzz.Tests.Engine;

public class CampaignTests
{
    [Fact]
    public void Coverage_leads_through_a_lock_that_chance_does_not_open()
    {
        // Ten digits at a chance of one in ten each, in their order: blind luck takes 10^10 tries.
        var campaign = Run(new LockedDoor(10), runs: 400_000, keepGoing: true);
        Assert.Contains(campaign.Findings, found => found.Finding.Key.Rule == "door-stays-shut");
    }

    [Fact]
    public void Operands_of_comparisons_are_put_where_they_belong()
    {
        var campaign = Run(new LockedDoor(100), runs: 50_000);
        Assert.Contains(campaign.Findings, found => found.Finding.Key.Rule == "magic-is-unknown");
    }

    [Fact]
    public void The_same_seed_gives_the_same_campaign()
    {
        var one = Run(new LockedDoor(100), runs: 20_000, keepGoing: true);
        var two = Run(new LockedDoor(100), runs: 20_000, keepGoing: true);
        Assert.True(one.Snapshot.Corpus > 5);
        Assert.Equal(one.Snapshot, two.Snapshot);
        Assert.Equal(Inputs(one), Inputs(two));
    }

    [Fact]
    public void Another_seed_gives_another_campaign() =>
        Assert.NotEqual(Run(new LockedDoor(4), runs: 50_000).Snapshot.Executions, Run(new LockedDoor(4), runs: 50_000, seed: 2).Snapshot.Executions);

    [Fact]
    public void An_input_that_does_not_do_the_same_twice_is_a_finding()
    {
        var campaign = Run(new LockedDoor(100, isMoody: true), runs: 1_000);
        Assert.Equal("same-input-same-trace", Assert.Single(campaign.Findings).Finding.Key.Rule);
    }

    [Fact]
    public void A_campaign_that_keeps_going_keeps_one_input_of_each_finding()
    {
        var campaign = Run(new LockedDoor(2), runs: 50_000, keepGoing: true);
        Assert.Equal(50_000, campaign.Snapshot.Executions);
        Assert.Equal(["door-stays-shut", "magic-is-unknown"], campaign.Findings.Select(found => found.Finding.Key.Rule).Order());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_finding_is_kept_in_a_small_input_beside_the_one_that_was_found(bool minimizes)
    {
        // Eight bytes of header, and the two turns that open the door.
        byte[] seed = [9, 9, 9, 9, 9, 9, 9, 9, 0, 5, 1, 1, 0, 7, 1, 1, 0, 5, 0, 0, 0, 4, 8, 8, 0, 3, 3, 3];
        var campaign = new Campaign(Options(() => new LockedDoor(2), 1, keepGoing: false, seed: 1) with { Minimize = minimizes, Seeds = [seed] });
        campaign.Run();
        var found = Assert.Single(campaign.Findings);
        Assert.Equal(minimizes ? [0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 4, 0, 0] : seed, found.Input);
        Assert.Equal(minimizes ? seed : null, found.Finding.Original);
        Assert.NotNull(found.Finding.Story);
        // What only looks closer is no execution of the campaign.
        Assert.Equal(1, campaign.Snapshot.Executions);
    }

    [Fact]
    public void An_input_is_kept_without_what_does_not_make_it_new()
    {
        // A digit that opens is one edge and one state, and takes one turn.
        var campaign = Run(new LockedDoor(100), runs: 50_000, keepGoing: true);
        Assert.True(campaign.Snapshot.States > 5);
        Assert.All(campaign.EntriesFrom(0), entry => Assert.InRange(LockedDoor.Shape.RecordsIn(entry.Input.Length), 0, Math.Max(1, entry.Features.Count / 2)));
    }

    [Fact]
    public void Jobs_share_what_they_find_and_the_number_of_runs()
    {
        var campaign = new Campaign(Options(() => new LockedDoor(100), 30_001, keepGoing: true, seed: 1) with { Jobs = 3 });
        campaign.Run();
        Assert.Equal(30_001, campaign.Snapshot.Executions);
        Assert.Equal(campaign.Snapshot.Corpus, campaign.EntriesFrom(0).Count);
        Assert.True(campaign.Snapshot.States > 3);
    }

    [Fact]
    public void Every_job_goes_on_from_what_another_was_faster_to_find()
    {
        var doors = new ConcurrentBag<LockedDoor>();
        var first = Run(new LockedDoor(100), runs: 20_000, keepGoing: true);
        var campaign = new Campaign(Options(NewDoor, 40_000, keepGoing: true, seed: 1) with { Jobs = 2, Seeds = [.. Inputs(first)] });
        campaign.Run();
        // Each of them opens as far as the seeds do, most of the time: by chance alone hardly anything would get past the first digit.
        Assert.Equal(2, doors.Count);
        Assert.All(doors, door => Assert.True(door.Deep > 4_000, $"{door.Deep} inputs opened three digits"));

        LockedDoor NewDoor()
        {
            var door = new LockedDoor(100);
            doors.Add(door);
            return door;
        }
    }

    [Fact]
    public void A_campaign_goes_on_from_the_inputs_it_is_given()
    {
        var first = Run(new LockedDoor(100), runs: 20_000, keepGoing: true);
        var next = new Campaign(Options(() => new LockedDoor(100), first.EntriesFrom(0).Count * 2, keepGoing: true, seed: 9) with { Seeds = [.. Inputs(first)] });
        next.Run();
        Assert.Equal((first.Snapshot.Edges, first.Snapshot.States), (next.Snapshot.Edges, next.Snapshot.States));
    }

    [Fact]
    public void A_failure_of_a_job_is_not_swallowed()
    {
        var campaign = new Campaign(Options(() => throw new InvalidOperationException("no such device"), 10, keepGoing: false, seed: 1));
        Assert.Contains("no such device", Assert.Throws<AggregateException>(() => campaign.Run()).ToString());
    }

    [Fact]
    public void A_failure_of_whoever_watches_leaves_nothing_at_work()
    {
        var door = new LockedDoor(100);
        var campaign = new Campaign(Options(() => door, long.MaxValue, keepGoing: true, seed: 1));
        Assert.Throws<InvalidOperationException>(() => campaign.Run(_ => throw new InvalidOperationException("nobody looks")));
        Assert.True(door.IsDisposed);
        long executions = campaign.Snapshot.Executions;
        Thread.Sleep(50);
        Assert.Equal(executions, campaign.Snapshot.Executions);
    }

    [Fact]
    public async Task An_execution_that_gets_on_has_not_stalled_however_long_it_takes()
    {
        using var executor = new SlowExecutor();
        var folder = Directory.CreateTempSubdirectory("campaign-");
        var campaign = new Campaign(Options(() => executor, 1, keepGoing: true, seed: 1) with { InFlightFolder = folder.FullName });
        var running = Task.Run(() => campaign.Run());
        executor.WaitUntilInside();
        Assert.Null(campaign.FindStalled(TimeSpan.Zero));
        executor.GetOn();
        Assert.Null(campaign.FindStalled(TimeSpan.Zero));
        Thread.Sleep(1);
        Assert.NotNull(campaign.FindStalled(TimeSpan.Zero));
        // It comes back by nothing else.
        campaign.Stop();
        await running;
        folder.Delete(recursive: true);
    }

    internal static Campaign Run(LockedDoor door, long runs, bool keepGoing = false, ulong seed = 1)
    {
        var campaign = new Campaign(Options(() => door, runs, keepGoing, seed));
        campaign.Run();
        return campaign;
    }

    private static CampaignOptions Options(Func<IExecutor> door, long runs, bool keepGoing, ulong seed) => new()
    {
        Shape = LockedDoor.Shape,
        NewExecutor = door,
        NewDictionary = () => new ValueDictionary([], []),
        Seed = seed,
        Runs = runs,
        KeepGoing = keepGoing,
    };

    private static byte[][] Inputs(Campaign campaign) => [.. campaign.EntriesFrom(0).Select((CorpusEntry entry) => entry.Input)];
}
