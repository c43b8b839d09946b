using Viommu.Guest.Targets;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of the used ring (2.7.8).</summary>
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
    ];

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
}
