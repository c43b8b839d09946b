using Viommu.Conformance.Watching.Live;
using Viommu.Conformance.Watching.Workload;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>Drivers that break rules of split rings (2.7).</summary>
internal static class BrokenDriverRings
{
    private const ulong WithoutEventIdx = ~Features.EventIdx;
    private const DescriptorFlags Next = DescriptorFlags.Next, Write = DescriptorFlags.Write, Indirect = DescriptorFlags.Indirect;

    public static IEnumerable<BrokenDriver> All() =>
    [
        new("puts the available ring at an odd address", "SPLIT-LAYOUT-V-01")
        {
            Tamper = target => new CommonTamper(target, CommonField.QueueDriverLow, (value, write) => write(value + 1)),
        },
        new("hands a used ring with flags over", "SPLIT-AVAILSUPP-V-01") { Tamper = target => new ScribblesUsedFlags(target) },
        Doing("sets reserved available flags", "SPLIT-USEDSUPP-V-01", WithoutEventIdx, (_, queue) => queue.WriteAvailableFlags(2)),
        Doing("sets available flags with EVENT_IDX", "SPLIT-USEDSUPP-V-03", (_, queue) => queue.WriteAvailableFlags(1)),
        Doing("takes an available chain back", "SPLIT-AVAIL-V-01", (user, queue) =>
        {
            user.Driver.MakeAvailable(Knock(user), Framing.Plain);
            queue.WriteAvailableIndex((ushort)(queue.Position - 1));
        }),
        Doing("counts an entry that it did not write", "SPLIT-SUPPLY-V-01", (user, queue) =>
        {
            user.Driver.MakeAvailable(Knock(user), Framing.Plain);
            queue.WriteAvailableIndex((ushort)(queue.Position + 1));
        }),
        Doing("puts the answer before the request", "SPLIT-FRAMING-V-01", (user, queue) => queue.Lend([new(user.Physical(1), 4, IsWritable: true), new(user.Physical(1), 20, IsWritable: false)])),
        Doing("cuts a request into bytes", "SPLIT-FRAMING-V-02", (user, _) =>
            user.Driver.MakeAvailable(new ProbeRequest(user.Endpoints[0], (int)user.Driver.Config.ProbeSize), new Framing([.. Enumerable.Repeat(1, 72)], []))),
        Doing("lends more than 4 GiB in a chain", "SPLIT-DESC-V-01", (user, queue) => queue.Lend([new(user.Physical(1), uint.MaxValue, IsWritable: true), new(user.Physical(1), 2, IsWritable: true)])),
        Doing("lets a chain loop", "SPLIT-DESC-V-01", (user, queue) => Chain(queue, new(user.Physical(1), 8, Next, 1), new(user.Physical(1), 8, Next, 0))),
        InOrder("takes any descriptors with IN_ORDER", "SPLIT-DESC-V-02", (user, queue) =>
        {
            queue.TakeSlots(1);
            var slots = queue.TakeSlots(3);
            queue.WriteDescriptor(slots[0], new Descriptor(user.Physical(1), 20, Next, slots[2]));
            queue.WriteDescriptor(slots[2], new Descriptor(user.Physical(1), 4, Write, 0));
            queue.MakeAvailable(slots[0]);
        }),
        Doing("uses indirect tables unasked", "SPLIT-INDIRECT-V-01", ~Features.IndirectDesc, (user, queue) => Chain(queue, new Descriptor(Table(user, queue), 32, Indirect, 0))),
        Doing("puts a table into a table", "SPLIT-INDIRECT-V-02", (user, queue) =>
            Chain(queue, new Descriptor(Table(user, queue, Entry(user, Next, 1), Entry(user, Indirect, 0)), 32, Indirect, 0))),
        Doing("makes a chain longer than the queue", "SPLIT-INDIRECT-V-03", ulong.MaxValue, (user, _) =>
            user.Driver.MakeAvailable(Knock(user), new Framing([1, 1, 1, 1, 1], [], Indirect: 7)), queueSize: 4),
        Doing("sets NEXT beside INDIRECT", "SPLIT-INDIRECT-V-04", (user, queue) => Chain(queue, new(Table(user, queue), 32, Indirect | Next, 1), new(user.Physical(1), 4, Write, 0))),
        InOrder("takes the entries of a table in another order with IN_ORDER", "SPLIT-INDIRECT-V-05", (user, queue) =>
            Chain(queue, new Descriptor(Table(user, queue, Entry(user, Next, 2), Entry(user, Write, 0), Entry(user, Next, 1)), 48, Indirect, 0))),
        BrokenDriver.On(RingScenarios.Spurious, "gives the device up at an interrupt of nothing", ["SPLIT-USEDSUPP-V-05"], user =>
        {
            user.Start(user.Settings with { Notifications = NotificationMode.Line });
            user.AttachAll(user.Domain(0));
            user.HandleInterrupt();
            if ((user.Machine.Transport.TakeNotifications() & Notifications.Used) != 0) user.GiveUp("nothing was used");
        }),
        Believing("takes a status beyond the used length for one", "SPLIT-USED-V-01"),
        Believing("does not look at the used length", "SPLIT-USED-V-02"),
        Doing("obeys avail_event without EVENT_IDX", "SPLIT-AVAILSUPP-V-02", WithoutEventIdx, (user, queue) => SendTwice(user, () => (ushort)(queue.Position - 1) == queue.ReadAvailableEvent())),
        Doing("does not notify with used flags of 0", "SPLIT-AVAILSUPP-V-04", WithoutEventIdx, (user, _) => SendTwice(user, () => false)),
        On(RingScenarios.PollingWithoutEventIdx, "notifies with used flags of 1", "SPLIT-AVAILSUPP-V-03", WithoutEventIdx, (user, _) => SendTwice(user, () => true)),
        On(RingScenarios.FlagsWithEventIdx, "obeys used flags with EVENT_IDX", "SPLIT-AVAILSUPP-V-05", ulong.MaxValue, (user, queue) => SendTwice(user, () => (queue.ReadUsedFlags() & 1) == 0)),
        Doing("does not notify of the chain at avail_event", "SPLIT-AVAILSUPP-V-06", (user, _) => SendTwice(user, () => false)),
        On(RingScenarios.Polling, "notifies of every chain with EVENT_IDX", "SPLIT-AVAILSUPP-V-07", ulong.MaxValue, (user, _) => SendTwice(user, () => true)),
    ];

    /// <summary>DETACH of an endpoint that is not attached.</summary>
    internal static DetachRequest Knock(GuestUser user) => new(user.Domain(0), user.Endpoints[0]);

    private static BrokenDriver Doing(string name, string breaks, Action<GuestUser, SplitQueue> play) => Doing(name, breaks, ulong.MaxValue, play);

    private static BrokenDriver Doing(string name, string breaks, ulong accept, Action<GuestUser, SplitQueue> play, ushort? queueSize = null) =>
        BrokenDriver.Doing(name, [breaks], user => Play(user, accept, queueSize, play));

    private static BrokenDriver On(string scenario, string name, string breaks, ulong accept, Action<GuestUser, SplitQueue> play) =>
        BrokenDriver.On(scenario, name, [breaks], user => Play(user, accept, null, play));

    private static BrokenDriver InOrder(string name, string breaks, Action<GuestUser, SplitQueue> play) => BrokenDriver.On(FeatureScenarios.InOrder, name, [breaks], user =>
    {
        user.Start(user.Settings with { Accept = GuestUser.Everything | Features.InOrder });
        play(user, (SplitQueue)user.Driver.Requests);
    });

    private static BrokenDriver Believing(string name, string breaks) => new(name, breaks)
    {
        Plays = [RingScenarios.ShortLength],
        Belief = conclusion => conclusion is RequestConcluded request ? request with { Succeeded = true } : conclusion,
    };

    private static void Play(GuestUser user, ulong accept, ushort? queueSize, Action<GuestUser, SplitQueue> play)
    {
        user.Start(user.Settings with { Accept = GuestUser.Everything & accept, RequestQueueSize = queueSize });
        play(user, (SplitQueue)user.Driver.Requests);
    }

    /// <summary>A request as it ought to be sent, and another whose notification depends on <paramref name="notifies"/>.</summary>
    private static void SendTwice(GuestUser user, Func<bool> notifies)
    {
        user.Ask(Knock(user));
        user.Driver.MakeAvailable(Knock(user), Framing.Plain);
        if (notifies()) user.Driver.NotifyRequests();
        user.Machine.Await(() => false);
    }

    private static Descriptor Entry(GuestUser user, DescriptorFlags flags, ushort next) => new(user.Physical(1), 4, flags, next);

    private static ulong Table(GuestUser user, SplitQueue queue, params Descriptor[] entries)
    {
        if (entries.Length == 0) entries = [Entry(user, Next, 1), Entry(user, Write, 0)];
        var table = user.Physical(1);
        for (var i = 0; i < entries.Length; i++) queue.WriteDescriptor(table, i, entries[i]);
        return table;
    }

    /// <summary>Makes a chain available whose <c>next</c> fields count its own descriptors.</summary>
    private static void Chain(SplitQueue queue, params Descriptor[] chain)
    {
        var slots = queue.TakeSlots(chain.Length);
        for (var i = 0; i < chain.Length; i++) queue.WriteDescriptor(slots[i], chain[i] with { Next = slots[chain[i].Next % chain.Length] });
        queue.MakeAvailable(slots[0]);
    }

    /// <summary>Writes flags into each used ring before it enables the queue.</summary>
    private sealed class ScribblesUsedFlags(WatchedTarget inner) : DriverTamper(inner)
    {
        private ulong ring;

        protected override void Write(RegisterAccess access, Way way)
        {
            if (RegisterTamper.IsWriteOf(CommonField.QueueDeviceLow, access)) ring = access.Value;
            if (RegisterTamper.IsWriteOf(CommonField.QueueEnable, access)) PassRam(ring, [1, 0]);
            way.Pass(access);
        }
    }
}
