using Viommu.Guest.Targets;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using PackedList = Viommu.Conformance.Selftest.PackedInterceptor.PackedList;
using Ring = Viommu.Conformance.Selftest.PackedInterceptor.Ring;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that read the lists and tables of a packed ring wrongly, or do with their buffers what they must not (2.8.6, 2.8.7, 2.8.15, 2.8.18).</summary>
internal static class BrokenPackedLists
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        Misreads("reads the first two readable descriptors of a list in turned order", ["PACKED-SG-D-01.a-list-is-read-*", "PACKED-SUPPLY-V-01"], (_, list) => Turned(list, isWritable: false)),
        Misreads("writes the first two writable descriptors of a list in turned order", ["PACKED-SG-D-01.a-list-is-written-*"], (_, list) => Turned(list, isWritable: true)),
        Misreads("loses what a list has behind the end of the ring", ["PACKED-SG-D-01.a-list-goes-on-*"],
            (_, list) => list.Slots.Zip(list.Descriptors, (slot, entry) => (slot, IsReadable(entry) && slot < list.Slots[0] ? entry with { Length = 0 } : entry))),
        Spoils("refuses everything once a list was too long", "PACKED-SG-D-02", target => new SulksAtLength(target)),
        Misreads("takes two entries of an indirect table at most", ["DESC-PACKED-06.an-indirect-*"],
            (_, list) => Outer(list).Select(outer => (outer.Slot, outer.Entry with { Length = Math.Min(outer.Entry.Length, 2 * PackedDescriptor.Size) }))),
        Misreads("minds flags in an indirect table", ["DESC-PACKED-06.flags-*"],
            (ring, list) => Outer(list).Where(outer => ring.TableOf(outer.Entry).Any(entry => (entry.Flags & ~DescriptorFlags.Write) != 0)).Select(outer => (outer.Slot, outer.Entry with { Length = 0 }))),
        Misreads("takes an indirect table with the WRITE flag for a buffer", ["DESC-PACKED-07"],
            (_, list) => Outer(list).Where(outer => !IsReadable(outer.Entry)).Select(outer => (outer.Slot, outer.Entry with { Flags = outer.Entry.Flags & ~DescriptorFlags.Indirect }))),
        Spoils("writes into the requests that it reads", "PACKED-DESC-D-01", target => new WritesIntoRequests(target)),
        Spoils("refuses a request whose answer goes into a dirty buffer", "PACKED-DESC-D-02", target => new MindsDirt(target)),
    ];

    internal static BrokenDevice OnPackedRing(BrokenDevice device) => device with { Configuration = new(Ring: Guest.Targets.Model.ModelRing.Packed) };

    private static BrokenDevice Misreads(string name, string[] breaks, Func<Ring, PackedList, IEnumerable<(int Slot, PackedDescriptor As)>> misread) =>
        OnPackedRing(BrokenDevice.Registers($"(packed) {name}", breaks, target => new MisreadsDescriptors(target, misread)));

    private static BrokenDevice Spoils(string name, string breaks, Func<ITarget, PackedInterceptor> intercept) => OnPackedRing(BrokenDevice.Registers($"(packed) {name}", [breaks], intercept));

    private static bool IsReadable(PackedDescriptor entry) => (entry.Flags & DescriptorFlags.Write) == 0;

    /// <summary>The descriptor of a list that refers to a table, where it is one.</summary>
    private static IEnumerable<(int Slot, PackedDescriptor Entry)> Outer(PackedList list) =>
        list.Slots.Zip(list.Descriptors).Where(entry => (entry.Second.Flags & DescriptorFlags.Indirect) != 0);

    private static IEnumerable<(int Slot, PackedDescriptor As)> Turned(PackedList list, bool isWritable)
    {
        var same = list.Slots.Zip(list.Descriptors).Where(entry => IsReadable(entry.Second) != isWritable).Take(2).ToList();
        return same.Count < 2 ? [] :
        [
            (same[0].First, same[0].Second with { Address = same[1].Second.Address, Length = same[1].Second.Length }),
            (same[1].First, same[1].Second with { Address = same[0].Second.Address, Length = same[0].Second.Length }),
        ];
    }

    /// <summary>Reads other descriptors than the driver wrote; those that the reference device does not overwrite are put back.</summary>
    private sealed class MisreadsDescriptors(ITarget inner, Func<Ring, PackedList, IEnumerable<(int Slot, PackedDescriptor As)>> misread) : PackedInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Ring ring)
        {
            var changes = ring.Waiting().SelectMany(list => misread(ring, list)).Select(change => (change.Slot, change.As, Before: ring[change.Slot])).ToList();
            foreach (var (slot, wrong, _) in changes) ring[slot] = wrong;
            Pass(doorbell, ring);
            foreach (var (slot, wrong, before) in changes)
            {
                if (ring[slot] == wrong) ring[slot] = before;
            }
        }
    }

    private sealed class WritesIntoRequests(ITarget inner) : PackedInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Ring ring)
        {
            var requests = ring.Waiting().Select(list => ring.BuffersOf(list)[0]).Where(IsReadable).ToList();
            Pass(doorbell, ring);
            foreach (var request in requests) Ram.Write(request.Address, [(byte)~Read(request.Address, 1)[0]]);
        }
    }

    private sealed class MindsDirt(ITarget inner) : PackedInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Ring ring)
        {
            var dirty = ring.Waiting().Select(list => ring.BuffersOf(list)[^1]).Where(tail => !IsReadable(tail) && tail.Length >= Request.TailSize && Read(tail.Address, 1)[0] == 0xff).ToList();
            Pass(doorbell, ring);
            foreach (var tail in dirty) Ram.Write(tail.Address + tail.Length - Request.TailSize, [(byte)RequestStatus.IoErr]);
        }
    }

    private sealed class SulksAtLength(ITarget inner) : PackedInterceptor(inner)
    {
        private const int Limit = 16;
        private bool sulking;

        protected override void Serve(Doorbell doorbell, Ring ring)
        {
            sulking |= ring.Waiting().Any(list => list.Slots.Count > Limit);
            if (!sulking) Pass(doorbell, ring);
        }
    }
}
