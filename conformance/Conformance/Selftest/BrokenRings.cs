using Viommu.Device.Memory;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of the used ring (2.7.8, 2.7.9), or do wrong when a ring is malformed.</summary>
internal static class BrokenRings
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        BrokenDevice.Registers(
            "names the second descriptor of long chains", ["DESC-SPLIT-01.a-used-element-*"], target => new NamesSecondDescriptor(target)),
        BrokenDevice.Registers("uses one chain of a burst twice and another never", ["DESC-SPLIT-01.each-chain-*"], target => new UsesTwice(target)),
        Counting("counts no byte of a plain answer", "DESC-SPLIT-02.the-length-of-a-plain-answer-*", length => length == 4 ? 0 : length),
        Counting("counts the status alone of a PROBE answer", "DESC-SPLIT-02.the-length-of-a-probe-answer-*", length => length > 4 ? 4 : length),
        Counting("counts the buffer of an unanswered request", "DESC-SPLIT-02.the-length-of-an-unanswered-*", length => length == 0 ? 64 : length),
        BrokenDevice.Registers("skips a used index where it wraps", ["DESC-SPLIT-03"], target => new SkipsAtWrap(target)),
        BrokenDevice.Registers("compares the available index without wrapping, and so stalls", ["DESC-SPLIT-03"], target => new StallsAtWrap(target)),
        BrokenDevice.Registers("leaves the properties of a refused PROBE unwritten, and counts them", ["SPLIT-USED-D-02.as-many-*"], target => new CountsUnwritten(target)),
        Reordering("moves used.idx before the element", "SPLIT-USED-D-01", memory => new LateMemory(memory, lateElement: true)),
        Reordering("moves used.idx before the answer", "SPLIT-USED-D-02.the-bytes-*", memory => new LateMemory(memory, lateElement: false)),
        BrokenDevice.Registers("counts a batch with IN_ORDER as one element", ["DESC-SPLIT-06"], target => new CountsBatchOnce(target)),
        BrokenDevice.Registers("skips unwritten buffers with IN_ORDER", ["DESC-SPLIT-06"], target => new SkipsUnwritten(target)),
        BrokenDevice.Registers("writes behind the used ring when a ring is malformed", ["DESC-SPLIT-09.*"], target => new WritesBehind(target)),
        BrokenDevice.Registers("puts the used element of a wild head in its place", ["DESC-SPLIT-09.*-malformed-chains"], target => new UsesWildHead(target)),
        BrokenDevice.Registers("falls silent when a ring is malformed", ["DESC-SPLIT-10.*"], target => new FallsSilent(target)),
    ];

    private static BrokenDevice Reordering(string name, string breaks, Func<IGuestMemory, IGuestMemory> memory) =>
        new(name, [breaks], new ModelVariation { RingMemory = memory });

    private static BrokenDevice Counting(string name, string breaks, Func<uint, uint> shown) =>
        BrokenDevice.Registers(name, [breaks], target => new Miscounts(target, shown));

    /// <summary>Changes what the reference device has just put into the used ring.</summary>
    private abstract class ChangesUsed(ITarget inner) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            int before = rings.UsedIndex;
            Pass(doorbell);
            Change(rings, before, (ushort)(rings.UsedIndex - before));
        }

        /// <summary>Changes <paramref name="count"/> used elements from <paramref name="first"/> on.</summary>
        protected abstract void Change(Rings rings, int first, int count);
    }

    private sealed class NamesSecondDescriptor(ITarget inner) : ChangesUsed(inner)
    {
        protected override void Change(Rings rings, int first, int count)
        {
            for (var index = first; index < first + count; index++)
            {
                if (rings.ChainOf(rings[index].Id) is { Count: > 2 } chain) rings[index] = rings[index] with { Id = chain[1] };
            }
        }
    }

    private sealed class UsesTwice(ITarget inner) : ChangesUsed(inner)
    {
        protected override void Change(Rings rings, int first, int count)
        {
            if (count > Burst) rings[first + 1] = rings[first];
        }
    }

    private sealed class Miscounts(ITarget inner, Func<uint, uint> shown) : ChangesUsed(inner)
    {
        protected override void Change(Rings rings, int first, int count)
        {
            for (var index = first; index < first + count; index++) rings[index] = rings[index] with { Length = shown(rings[index].Length) };
        }
    }

    private sealed class SkipsAtWrap(ITarget inner) : ChangesUsed(inner)
    {
        protected override void Change(Rings rings, int first, int count)
        {
            if (first + count > ushort.MaxValue) rings.UsedIndex++;
        }
    }

    private sealed class StallsAtWrap(ITarget inner) : RingInterceptor(inner)
    {
        private uint served;
        private ushort before;

        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            served += (ushort)(rings.AvailableIndex - before);
            before = rings.AvailableIndex;
            if (served <= ushort.MaxValue) Pass(doorbell);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) (served, before) = (0, 0);
            base.WriteStatus(status);
        }
    }

    private sealed class CountsUnwritten(ITarget inner) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            var buffers = rings.WaitingHeads().Select(head => rings.BuffersOf(head)[^1]).Where(link => link.IsWritable && link.Descriptor.Length > Request.TailSize)
                .Select(link => (link.Descriptor.Address, Before: Read(link.Descriptor.Address, (int)link.Descriptor.Length))).ToList();
            Pass(doorbell);
            foreach (var (address, before) in buffers)
            {
                var tail = before.Length - Request.TailSize;
                if (Read(address + (ulong)tail, 1)[0] != (byte)RequestStatus.Ok) Ram.Write(address, before.AsSpan(0, tail));
            }
        }
    }

    private sealed class CountsBatchOnce(ITarget inner) : ChangesUsed(inner)
    {
        protected override void Change(Rings rings, int first, int count)
        {
            if (count > 1 && IsNegotiated(Features.InOrder)) rings.UsedIndex = (ushort)(first + 1);
        }
    }

    private sealed class SkipsUnwritten(ITarget inner) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            var heads = rings.WaitingHeads();
            int before = rings.UsedIndex;
            Pass(doorbell);
            if (heads.Count > 1 && IsNegotiated(Features.InOrder)) rings[before] = new UsedElement(heads[^1], Request.TailSize);
        }
    }

    private sealed class WritesBehind(ITarget inner) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            Pass(doorbell);
            if ((ReadStatus() & DeviceStatus.NeedsReset) != 0) Ram.Write(rings.End + 8, [0xee]);
        }
    }

    private sealed class UsesWildHead(ITarget inner) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            var heads = rings.WaitingHeads();
            Pass(doorbell);
            foreach (var head in heads.Where(head => head >= rings.Size)) Ram.Write(rings.End + 8ul * (ulong)(head - rings.Size), [(byte)head]);
        }
    }

    private sealed class FallsSilent(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override DeviceStatus ReadStatus() => base.ReadStatus() & ~DeviceStatus.NeedsReset;
    }
}
