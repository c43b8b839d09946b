using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that use the descriptors of a packed ring in the wrong order, too early, or wrongly (2.8.1 to 2.8.8, 2.8.12), or do wrong when the ring is malformed.</summary>
internal static class BrokenPackedRings
{
    private const DescriptorFlags Mark = DescriptorFlags.Available | DescriptorFlags.Used;

    public static IEnumerable<BrokenDevice> All() =>
    [
        Device("serves the second list before the first", "PACKED-LAYOUT-D-01", target => new TurnsLists(target)),
        Device("writes used descriptors over the last of a list when there are several lists", "PACKED-LAYOUT-D-02", target => new UsesLast(target)),
        Device("takes for available whatever has AVAIL and USED different", "PACKED-DESC-D-03.*", target => new TakesEither(target)),
        BrokenPackedLists.OnPackedRing(new BrokenDevice(
            "(packed) writes the flags of a used descriptor before the rest", ["PACKED-DESC-D-04.*-complete-*"], new ModelVariation { RingMemory = memory => new FlagsFirstMemory(memory) })),
        Device("writes its last used descriptors again", "PACKED-DESC-D-04.*-left-alone-*", target => new WritesAgain(target)),
        Changing("turns its wrap counter before the last entry", "DESC-PACKED-01",
            (ring, list, used) => list.Slots[0] >= ring.Size - 2 ? used with { Flags = used.Flags ^ Mark } : used),
        Changing("does not clear USED in the second round", "DESC-PACKED-02", (_, list, used) => list.Wrap ? used : used with { Flags = used.Flags | DescriptorFlags.Used }),
        Changing("takes the Buffer ID from the first descriptor", "DESC-PACKED-03", (_, list, used) => used with { Id = list.Descriptors[0].Id }),
        Device("writes a used descriptor for each of a list", "DESC-PACKED-04.a-list-has-*", target => new UsesEach(target)),
        Device("uses its last list again when notified of nothing", "PACKED-DESC-V-04", target => new UsesAgain(target)),
        Changing("never sets the WRITE flag", "DESC-PACKED-05", (_, _, used) => used with { Flags = used.Flags & ~DescriptorFlags.Write }),
        Changing("always sets the WRITE flag", "DESC-PACKED-05", (_, _, used) => used with { Flags = used.Flags | DescriptorFlags.Write }),
        Device("skips unwritten buffers with IN_ORDER", "DESC-PACKED-13", target => new SkipsUnwritten(target)),
        Device("ignores notifications with next_wrap clear", "DESC-PACKED-14", target => new IgnoresWrapped(target)),
        Device("writes behind the ring when it is malformed", "DESC-PACKED-15.*", target => new WritesBehind(target)),
        Device("falls silent when a ring is malformed", "DESC-PACKED-16.*", target => new FallsSilent(target)),
        Device("serves one list a notification", "PACKED-SUPPLY-D-01", target => new ServesOne(target)),
    ];

    private static BrokenDevice Device(string name, string breaks, Func<ITarget, RegisterInterceptor> intercept) =>
        BrokenPackedLists.OnPackedRing(BrokenDevice.Registers($"(packed) {name}", [breaks], intercept));

    /// <summary>One that writes other used descriptors than the reference device.</summary>
    private static BrokenDevice Changing(
        string name, string breaks, Func<PackedInterceptor.Ring, PackedInterceptor.PackedList, PackedDescriptor, PackedDescriptor> change) =>
        Device(name, breaks, target => new ChangesUsed(target, change));

    private sealed class ChangesUsed(
        ITarget inner, Func<PackedInterceptor.Ring, PackedInterceptor.PackedList, PackedDescriptor, PackedDescriptor> change) : PackedInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Ring ring)
        {
            foreach (var list in Pass(doorbell, ring)) ring[list.Slots[0]] = change(ring, list, ring[list.Slots[0]]);
        }
    }

    private sealed class TurnsLists(ITarget inner) : PackedInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Ring ring)
        {
            if (ring.Waiting() is [var first, var second, ..] && first.Slots.Count == second.Slots.Count)
            {
                for (var i = 0; i < first.Slots.Count; i++)
                {
                    var (one, other) = (first.Slots[i], second.Slots[i]);
                    (ring[one], ring[other]) = (With(ring[other], ring[one]), With(ring[one], ring[other]));
                }
            }
            Pass(doorbell, ring);

            static PackedDescriptor With(PackedDescriptor content, PackedDescriptor place) => content with { Flags = (content.Flags & ~Mark) | (place.Flags & Mark) };
        }
    }

    private sealed class UsesLast(ITarget inner) : PackedInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Ring ring)
        {
            var used = Pass(doorbell, ring);
            foreach (var list in used.Where(_ => used.Count > 1))
                (ring[list.Slots[^1]], ring[list.Slots[0]]) = (ring[list.Slots[0]], list.Descriptors[0]);
        }
    }

    private sealed class UsesEach(ITarget inner) : PackedInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Ring ring)
        {
            foreach (var list in Pass(doorbell, ring))
            {
                foreach (var slot in list.Slots.Skip(1)) ring[slot] = ring[list.Slots[0]];
            }
        }
    }

    private sealed class UsesAgain(ITarget inner) : PackedInterceptor(inner)
    {
        private PackedDescriptor? last;

        protected override void Serve(Doorbell doorbell, Ring ring)
        {
            var used = Pass(doorbell, ring);
            if (used.Count > 0) last = ring[used[^1].Slots[0]];
            else if (last is { } descriptor) ring[ring.Due.Slot] = descriptor with { Flags = (descriptor.Flags & ~Mark) | (ring.Due.Wrap ? Mark : 0) };
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) last = null;
            base.WriteStatus(status);
        }
    }

    private sealed class TakesEither(ITarget inner) : PackedInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Ring ring)
        {
            var goesOn = true;
            for (var entries = 0; goesOn && entries < ring.Size; entries++)
            {
                var (slot, wrap) = ring.Ahead(entries);
                var descriptor = ring[slot];
                if ((descriptor.Flags & Mark) is 0 or Mark) break;
                ring[slot] = descriptor with { Flags = Ring.Available(descriptor.Flags, wrap) };
                goesOn = (descriptor.Flags & DescriptorFlags.Next) != 0;
            }
            Pass(doorbell, ring);
        }
    }

    private sealed class WritesAgain(ITarget inner) : PackedInterceptor(inner)
    {
        private readonly Dictionary<int, PackedDescriptor> last = [];

        protected override void Serve(Doorbell doorbell, Ring ring)
        {
            var used = Pass(doorbell, ring);
            foreach (var (slot, descriptor) in last) ring[slot] = descriptor;
            if (used.Count == 0) return;
            last.Clear();
            foreach (var list in used) last[list.Slots[0]] = ring[list.Slots[0]];
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) last.Clear();
            base.WriteStatus(status);
        }
    }

    private sealed class SkipsUnwritten(ITarget inner) : PackedInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Ring ring)
        {
            var lists = Pass(doorbell, ring);
            if (lists.Count < 2 || !IsNegotiated(Features.InOrder)) return;
            ring[lists[0].Slots[0]] = ring[lists[0].Slots[0]] with { Id = lists[^1].Descriptors[^1].Id };
            foreach (var list in lists.Skip(1)) ring[list.Slots[0]] = list.Descriptors[0];
        }
    }

    private sealed class IgnoresWrapped(ITarget inner) : PackedInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Ring ring)
        {
            if (doorbell.Width < 4 || doorbell.Value >> 31 != 0) Pass(doorbell, ring);
        }
    }

    private sealed class WritesBehind(ITarget inner) : PackedInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Ring ring)
        {
            Pass(doorbell, ring);
            if ((ReadStatus() & DeviceStatus.NeedsReset) != 0) Ram.Write(ring.End + 0x100, [0xee]);
        }
    }

    private sealed class FallsSilent(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override DeviceStatus ReadStatus() => base.ReadStatus() & ~DeviceStatus.NeedsReset;
    }

    private sealed class ServesOne(ITarget inner) : PackedInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Ring ring)
        {
            // What is not available yet is shown again once the reference device has had its look.
            var later = ring.Waiting().Skip(1).ToList();
            foreach (var list in later) ring[list.Slots[0]] = list.Descriptors[0] with { Flags = list.Descriptors[0].Flags ^ Mark };
            Pass(doorbell, ring);
            foreach (var list in later) ring[list.Slots[0]] = list.Descriptors[0];
        }
    }
}
