using Viommu.Conformance.Selftest;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Queues;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Tests.Targets;

/// <summary>Each rule that the driver of the target <c>queues</c> judges, on a device that breaks it; and freedoms, of which it makes nothing.</summary>
public class QueuesTargetTests
{
    private const ulong Plain = ~(Features.EventIdx | Features.InOrder | Features.NotificationData);
    private const ulong WithEvents = ~(Features.InOrder | Features.NotificationData);
    private const byte FullSize = 6;

    private static readonly TargetInfo _target = TargetList.Find("queues");

    [Theory]
    [InlineData("is live from FEATURES_OK on", "CORE-STATUS-D-01")]
    [InlineData("stops at ring errors without DEVICE_NEEDS_RESET", "CORE-STATUS-D-02")]
    [InlineData("sends no message of configuration changes", "CORE-STATUS-D-03")]
    [InlineData("accepts VERSION_1 without offering it", "CORE-RSVD-D-01")]
    [InlineData("refuses drivers without EVENT_IDX", "CORE-FEAT-D-02")]
    [InlineData("offers a bit of another device type", "CORE-FEAT-D-04")]
    [InlineData("offers a bit above 63", "CORE-FEAT-D-04")]
    [InlineData("refuses all features after a system reset", "CORE-FEAT-D-05")]
    [InlineData("has no probe_size before FEATURES_OK", "CORE-CFG-D-01")]
    [InlineData("offers BYPASS in place of BYPASS_CONFIG", "IOMMU-FEAT-D-02")]
    [InlineData("has an SR-IOV capability without offering SR_IOV", "CORE-RSVD-D-09")]
    [InlineData("offers SR_IOV without the capability", "CORE-RSVD-D-10")]
    [InlineData("uses the first two requests of a batch in turned order", "CORE-RSVD-D-05")]
    [InlineData("ignores a reset while it works off requests", "CORE-RESET-D-01")]
    [InlineData("puts a reset off until it is initialised again", "CORE-RESET-D-02")]
    [InlineData("puts a queue reset off until the queue is set up again", "CORE-VQRESET-D-01")]
    [InlineData("shows the former size after a queue reset", "CORE-VQRESET-D-02")]
    [InlineData("shows a new message vector and goes on with the old one", "CORE-VQENABLE-D-01")]
    [InlineData("shows SUSPEND before it runs", "CORE-SUSPEND-D-01")]
    [InlineData("changes its configuration while suspended", "CORE-SUSPEND-D-03")]
    [InlineData("tells of changes of its configuration while suspended", "CORE-SUSPEND-D-04")]
    [InlineData("never tells of changes that came while it was suspended", "CORE-SUSPEND-D-05")]
    [InlineData("never suspends", "CORE-SUSPEND-D-06")]
    [InlineData("never resumes", "CORE-SUSPEND-D-07")]
    [InlineData("forgets its domains when it resumes", "rings-do-not-change-answers")]
    [InlineData("answers the requests of a burst and does not use them", "well-formed-rings-are-served")]
    [InlineData("sends no notification of a burst", "SPLIT-USEDSUPP-D-03")]
    [InlineData("names the second descriptor of long chains", "DESC-SPLIT-01")]
    [InlineData("moves used.idx before the element", "SPLIT-USED-D-01")]
    [InlineData("moves used.idx before the answer", "SPLIT-USED-D-02")]
    [InlineData("skips unwritten buffers with IN_ORDER", "DESC-SPLIT-06")]
    [InlineData("takes the entries of an indirect table one after the other", "DESC-SPLIT-04")]
    [InlineData("takes an indirect table with the WRITE flag for a buffer", "SPLIT-INDIRECT-D-01")]
    [InlineData("takes an indirect table behind direct descriptors for a buffer", "SPLIT-INDIRECT-D-02")]
    [InlineData("notifies without EVENT_IDX although the flags are 1", "SPLIT-USEDSUPP-D-02")]
    [InlineData("notifies without EVENT_IDX of every other batch", "SPLIT-USEDSUPP-D-03")]
    [InlineData("obeys the flags with EVENT_IDX", "SPLIT-USEDSUPP-D-05")]
    [InlineData("looks only at the last of a batch with EVENT_IDX", "SPLIT-USEDSUPP-D-05")]
    [InlineData("compares used_event without wrapping", "SPLIT-USEDSUPP-D-05")]
    [InlineData("notifies with EVENT_IDX of everything", "SPLIT-USEDSUPP-D-06")]
    [InlineData("sets reserved used flags without EVENT_IDX", "SPLIT-AVAILSUPP-D-01")]
    [InlineData("asks by flags not to be told, and waits to be told", "SPLIT-AVAILSUPP-D-02")]
    [InlineData("sets used flags with EVENT_IDX", "SPLIT-AVAILSUPP-D-03")]
    [InlineData("asks by avail_event not to be told, and waits to be told", "SPLIT-AVAILSUPP-D-04")]
    [InlineData("needs a reset when notified of nothing", "SPLIT-AVAILSUPP-D-05")]
    [InlineData("ignores notifications with next_wrap set", "well-formed-rings-are-served")]
    [InlineData("(packed) serves the second list before the first", "rings-do-not-change-answers")]
    [InlineData("(packed) writes the flags of a used descriptor before the rest", "PACKED-DESC-D-04")]
    [InlineData("(packed) writes a used descriptor for each of a list", "PACKED-DESC-D-04")]
    [InlineData("(packed) takes the Buffer ID from the first descriptor", "DESC-PACKED-03")]
    [InlineData("(packed) always sets the WRITE flag", "DESC-PACKED-05")]
    [InlineData("(packed) never sets the WRITE flag", "DESC-PACKED-05")]
    [InlineData("(packed) minds flags in an indirect table", "DESC-PACKED-06")]
    [InlineData("(packed) takes an indirect table with the WRITE flag for a buffer", "DESC-PACKED-07")]
    [InlineData("(packed) obeys the offset with flags ENABLE", "DESC-PACKED-08")]
    [InlineData("(packed) notifies although the flags are DISABLE", "DESC-PACKED-09")]
    [InlineData("(packed) looks only at the last of several used descriptors", "DESC-PACKED-10")]
    [InlineData("(packed) notifies of everything with flags DESC", "DESC-PACKED-11")]
    [InlineData("(packed) sets reserved bits of its event flags", "DESC-PACKED-12")]
    [InlineData("(packed) skips unwritten buffers with IN_ORDER", "DESC-PACKED-13")]
    [InlineData("(packed) loses what a list has behind the end of the ring", "PACKED-SG-D-01")]
    [InlineData("(packed) asks not to be told, and waits to be told", "PACKED-SUPPLY-D-02")]
    public void A_device_that_breaks_a_rule_is_found_by_its_clause(string device, string clause)
    {
        using var executor = On(device);
        var rules = Seeds().Concat(Mutants(1_000)).Select(input => executor.Execute(input)?.Key.Rule).OfType<string>();
        Assert.Contains(clause, rules);
    }

    [Fact]
    public void Without_IN_ORDER_a_split_ring_is_used_in_any_order()
    {
        var device = new ModelVariation { Machine = target => new TakesSecondFirst(target) };
        using var executor = new TargetExecutor(() => _target.New(new Subject(device, new())), _target.StateCount);
        Assert.Null(executor.Execute(QueueSeeds.Program(Plain, isPacked: false, FullSize, 0, QueueSeeds.Submit(8, 0, 0), QueueSeeds.Submit(4, 0, 3))));
    }

    [Fact]
    public void A_long_chain_can_be_refused() =>
        Free("refuses everything once a chain was too long", QueueSeeds.Program(Plain, isPacked: false, FullSize, 0, QueueSeeds.Submit(1, (byte)CutKind.Long, 2)));

    [Fact]
    public void A_device_can_ask_not_to_be_told_as_long_as_it_serves_what_it_is_told_of() =>
        Free("asks by flags not to be told, and waits to be told", QueueSeeds.Program(Plain, isPacked: false, FullSize, 0, QueueSeeds.Submit(8, 0, 0), QueueSeeds.Submit(8, 0, 0)));

    [Fact]
    public void What_it_does_not_want_to_be_told_of_a_device_can_put_off_while_there_is_room() => Free(
        "asks by flags not to be told, and waits to be told",
        QueueSeeds.Program(Plain, isPacked: false, FullSize, QueueShape.IsQuiet, QueueSeeds.Submit(2, 0, 0), QueueSeeds.Submit(2, 0, 0), QueueSeeds.Submit(2, 0, 0)));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_held_back_need_not_be_served(bool isPacked)
    {
        using var executor = On(null);
        Assert.Null(executor.Execute(QueueSeeds.Program(WithEvents, isPacked, FullSize, 0,
            QueueSeeds.Submit(3, 0, 0, QueueShape.IsHeld), QueueSeeds.Suspend(0), QueueSeeds.Submit(2, 0, 0, QueueShape.IsHeld), QueueSeeds.QueueReset(0, FullSize), QueueSeeds.Submit(1, 0, 0))));
    }

    [Fact]
    public void Where_the_index_wraps_a_program_goes_on_as_one_that_went_all_the_way()
    {
        var program = QueueSeeds.Program(WithEvents, isPacked: false, FullSize, QueueShape.IsFar, QueueSeeds.Suppress(2, 15), QueueSeeds.Submit(8, 0, 0), QueueSeeds.Submit(8, 0, 0));
        using var executor = On(null);
        Assert.Null(executor.Execute(program));
        ulong trace = executor.Observations.Trace;
        Assert.Null(executor.Execute(program));
        Assert.Equal(trace, executor.Observations.Trace);
    }

    [Fact]
    public void An_execution_allocates_nothing_unless_it_goes_on_where_the_index_wraps()
    {
        using IExecutor executor = new TargetHost(_target).Plain();
        var near = Seeds().Where(seed => (seed[QueueShape.CaresOffset] & QueueShape.IsFar) == 0).ToArray();
        Assert.NotEmpty(near);
        Assert.Equal(0, Allocation.LeastOf(() =>
        {
            foreach (var seed in near) executor.Execute(seed);
        }));
    }

    private static void Free(string device, byte[] program)
    {
        using var executor = On(device);
        var finding = executor.Execute(program);
        Assert.True(finding is null, $"{finding}");
    }

    private static TargetExecutor On(string? device) => new TargetHost(_target, device is null ? -1 : BrokenDevices.All.ToList().FindIndex(broken => broken.Name == device) is >= 0 and var index
        ? index : throw new ArgumentException($"there is no device that {device}", nameof(device))).Plain();

    private static IEnumerable<byte[]> Seeds() => _target.Seeds().Select(seed => seed.Input);

    private static IEnumerable<byte[]> Mutants(int count)
    {
        var seeds = Seeds().ToArray();
        var mutator = new Mutator(_target.Shape, new ValueDictionary(_target.Values, _target.Tokens), new Random64(3));
        for (int i = 0; i < count; i++) yield return mutator.Mutate(seeds[i % seeds.Length], seeds[(i / seeds.Length) % seeds.Length]).ToArray();
    }

    private sealed class TakesSecondFirst(ITarget inner) : QueueInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Queue queue)
        {
            ushort used = Read16(queue.Device + 2);
            bool areSeveral = (ushort)(Read16(queue.Driver + 2) - used) > 1;
            if (areSeveral) Turn(queue, used);
            Pass(doorbell);
            if (areSeveral) Turn(queue, used);
        }

        private void Turn(Queue queue, int used)
        {
            ulong one = queue.Driver + 4 + (2 * (ulong)(used % queue.Size));
            ulong other = queue.Driver + 4 + (2 * (ulong)((used + 1) % queue.Size));
            (ushort first, ushort second) = (Read16(one), Read16(other));
            Write16(one, second);
            Write16(other, first);
        }
    }
}
