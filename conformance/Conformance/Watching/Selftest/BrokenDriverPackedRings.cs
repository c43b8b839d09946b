using Viommu.Conformance.Watching.Workload;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>Drivers that break rules of packed rings (2.8).</summary>
internal static class BrokenDriverPackedRings
{
    private const DescriptorFlags Next = DescriptorFlags.Next, Write = DescriptorFlags.Write, Indirect = DescriptorFlags.Indirect;

    public static IEnumerable<BrokenDriver> All() => Each().Select(driver => driver with { Configuration = new ModelConfiguration(Ring: ModelRing.Packed) });

    private static IEnumerable<BrokenDriver> Each() =>
    [
        new("puts event suppression at an odd word", "PACKED-LAYOUT-V-01")
        {
            Tamper = target => new CommonTamper(target, CommonField.QueueDriverLow, (value, write) => write(value + 2)),
        },
        Doing("changes a descriptor of a list that the device has", "PACKED-DESC-V-01", (user, queue) =>
        {
            var slot = queue.NextSlot;
            user.Driver.MakeAvailable(BrokenDriverRings.Knock(user), Framing.Plain);
            var descriptor = queue.ReadDescriptor(slot);
            queue.WriteDescriptor(slot, descriptor with { Length = descriptor.Length + 1 });
        }),
        new("notifies of the descriptor behind the next", "PACKED-DESC-V-03")
        {
            Plays = [FeatureScenarios.NotificationData],
            Tamper = target => new RegisterTamper(target)
            {
                Writes = access => [access is { Space: RegisterSpace.PciNotify, Width: 4 } ? access with { Value = access.Value + 0x1_0000 } : access],
            },
        },
        Doing("makes a list that goes round the whole ring", "PACKED-SG-V-01", (user, queue) =>
            queue.MakeAvailable([.. Enumerable.Repeat(new PackedDescriptor(user.Physical(1), 8, 0, Next), queue.Size)])),
        Doing("puts the answer before the request in a list", "PACKED-SG-V-03", (user, queue) =>
            queue.Lend([new(user.Physical(1), 4, IsWritable: true), new(user.Physical(1), 20, IsWritable: false)])),
        Doing("waits for the device in the middle of a list", "PACKED-SG-V-04", (user, queue) =>
        {
            queue.MakeAvailable(Entry(user, Next));
            user.Machine.Await(() => false);
        }),
        Doing("begins a list without room for it", "PACKED-SG-V-05", (user, queue) =>
        {
            for (var taken = 0; taken < queue.Size; taken += 2) user.Driver.MakeAvailable(BrokenDriverRings.Knock(user), Framing.Plain);
            queue.MakeAvailable(Entry(user, Next), Entry(user, Write));
        }),
        Doing("makes the first descriptor of a list available first", "PACKED-SG-V-06", (user, queue) =>
        {
            var (first, second) = (Entry(user, Next), Entry(user, Write));
            queue.WriteDescriptor(queue.NextSlot, first with { Flags = first.Flags | queue.AvailableMark() });
            queue.WriteDescriptor(queue.NextSlot + 1, second with { Flags = second.Flags | queue.AvailableMark(1) });
        }),
        Doing("uses indirect tables in a packed ring unasked", "PACKED-INDIRECT-V-01", (user, queue) => queue.MakeAvailable(Table(user, queue, Write)), accept: ~Features.IndirectDesc),
        Doing("sets NEXT in an indirect table", "PACKED-INDIRECT-V-02", (user, queue) => queue.MakeAvailable(Table(user, queue, Write | Next))),
        Doing("makes an indirect table longer than the queue", "PACKED-INDIRECT-V-03", (user, _) =>
            user.Driver.MakeAvailable(BrokenDriverRings.Knock(user), new Framing([1, 1, 1, 1, 1], [], Indirect: 7)), queueSize: 4),
        Doing("puts an indirect descriptor into a list", "PACKED-INDIRECT-V-04", (user, queue) => queue.MakeAvailable(Entry(user, Next), Table(user, queue, Write))),
    ];

    private static BrokenDriver Doing(string name, string breaks, Action<GuestUser, PackedQueue> play, ulong accept = ulong.MaxValue, ushort? queueSize = null) =>
        BrokenDriver.Doing(name, [breaks], user =>
        {
            user.Start(user.Settings with { Accept = GuestUser.Everything & accept, RequestQueueSize = queueSize });
            play(user, (PackedQueue)user.Driver.Requests);
        });

    private static PackedDescriptor Entry(GuestUser user, DescriptorFlags flags) => new(user.Physical(1), 20, 0, flags);

    /// <summary>The descriptor of a table of one entry with these flags.</summary>
    private static PackedDescriptor Table(GuestUser user, PackedQueue queue, DescriptorFlags flags)
    {
        var table = user.Physical(1);
        queue.WriteDescriptor(table, 0, Entry(user, flags));
        return new PackedDescriptor(table, PackedDescriptor.Size, 0, Indirect);
    }
}
