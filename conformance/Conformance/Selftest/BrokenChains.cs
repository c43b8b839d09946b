using Viommu.Guest.Targets;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using Link = Viommu.Conformance.Selftest.RingInterceptor.Link;
using Rings = Viommu.Conformance.Selftest.RingInterceptor.Rings;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that read the chains of a split ring wrongly, or do with them what they must not (2.7.4, 2.7.5).</summary>
internal static class BrokenChains
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        Misreads("reads a request from its first descriptor alone", "SPLIT-FRAMING-D-01.a-request-*",
            (rings, head) => Empty(rings.LinksOf(head).Where(link => !link.IsWritable).Skip(1))),
        Misreads("writes an answer into the first writable descriptor alone", "SPLIT-FRAMING-D-01.an-answer-*",
            (rings, head) => Empty(rings.LinksOf(head).Where(link => link.IsWritable).Skip(1))),
        BrokenDevice.Registers("refuses everything once a chain was too long", ["SPLIT-FRAMING-D-02"], target => new SulksAtLength(target)),
        Misreads("takes descriptors one after the other instead of by next", "DESC-SPLIT-05",
            (rings, head) => rings.LinksOf(head).SkipLast(1).Zip(rings.ChainOf(head), (link, slot) => (link, link.Descriptor with { Next = (ushort)((slot + 1) % rings.Size) }))),
        Misreads("takes an indirect table with the WRITE flag for a buffer", "SPLIT-INDIRECT-D-01", (rings, head) => Direct(rings.LinksOf(head).Where(link => link.IsWritable))),
        Misreads("takes an indirect table behind direct descriptors for a buffer", "SPLIT-INDIRECT-D-02.direct-*", (rings, head) => Direct(rings.LinksOf(head).Skip(1))),
        Misreads("takes an indirect table that heads a chain for a buffer", "SPLIT-INDIRECT-D-02.a-single-*", (rings, head) => Direct(rings.LinksOf(head).Take(1))),
        Misreads("takes the entries of an indirect table one after the other", "DESC-SPLIT-04",
            (rings, head) => rings.LinksOf(head).Where(link => link.IsIndirect)
                .SelectMany(outer => rings.TableOf(outer).Select((entry, i) => (entry, entry.Descriptor with { Next = (ushort)(i + 1) })))),
        BrokenDevice.Registers("writes into the requests that it reads", ["SPLIT-DESC-D-01"], target => new WritesIntoRequests(target, _ => true)),
        BrokenDevice.Registers(
            "puts an answer that does not fit over the request", ["SPLIT-DESC-D-01"],
            target => new WritesIntoRequests(target, chain => chain.Where(link => link.IsWritable).Sum(link => link.Descriptor.Length) < Request.TailSize)),
        BrokenDevice.Registers("clears the descriptors of used chains", ["SPLIT-DESC-D-04.the-descriptor-table-*"], target => new ClearsDescriptors(target)),
        BrokenDevice.Registers("marks the indirect tables that it has read", ["SPLIT-DESC-D-04.indirect-*"], target => new MarksTables(target)),
        BrokenDevice.Registers("refuses a request whose answer goes into a dirty buffer", ["SPLIT-DESC-D-02"], target => new MindsDirt(target)),
        BrokenDevice.Registers("writes more than there is room for", ["SPLIT-USED-D-03"], target => new WritesBeyond(target)),
    ];

    private static IEnumerable<(Link, Descriptor)> Empty(IEnumerable<Link> links) => links.Select(link => (link, link.Descriptor with { Length = 0 }));

    private static IEnumerable<(Link, Descriptor)> Direct(IEnumerable<Link> links) =>
        links.Where(link => link.IsIndirect).Select(link => (link, link.Descriptor with { Flags = link.Descriptor.Flags & ~DescriptorFlags.Indirect }));

    private static BrokenDevice Misreads(string name, string breaks, Func<Rings, ushort, IEnumerable<(Link Link, Descriptor As)>> misread) =>
        BrokenDevice.Registers(name, [breaks], target => new MisreadsDescriptors(target, misread));

    /// <summary>Reads other descriptors than the driver wrote: they are changed for as long as the reference device looks.</summary>
    private sealed class MisreadsDescriptors(ITarget inner, Func<Rings, ushort, IEnumerable<(Link Link, Descriptor As)>> misread) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            var changes = rings.WaitingHeads().SelectMany(head => misread(rings, head)).ToList();
            foreach (var (link, wrong) in changes) rings.Write(link.At, wrong);
            Pass(doorbell);
            foreach (var (link, _) in changes) rings.Write(link.At, link.Descriptor);
        }
    }

    /// <summary>Does something with each chain once it was used.</summary>
    private abstract class SpoilsChains(ITarget inner) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            var chains = rings.WaitingHeads().Select(head => (Links: rings.LinksOf(head), Buffers: rings.BuffersOf(head))).ToList();
            Pass(doorbell);
            foreach (var (links, buffers) in chains) Spoil(rings, links, buffers);
        }

        protected abstract void Spoil(Rings rings, IReadOnlyList<Link> links, IReadOnlyList<Link> buffers);
    }

    private sealed class WritesIntoRequests(ITarget inner, Func<IReadOnlyList<Link>, bool> when) : SpoilsChains(inner)
    {
        protected override void Spoil(Rings rings, IReadOnlyList<Link> links, IReadOnlyList<Link> buffers)
        {
            if (when(buffers) && buffers.FirstOrDefault(link => !link.IsWritable) is { } request)
                Ram.Write(request.Descriptor.Address, [(byte)~Read(request.Descriptor.Address, 1)[0]]);
        }
    }

    private sealed class ClearsDescriptors(ITarget inner) : SpoilsChains(inner)
    {
        protected override void Spoil(Rings rings, IReadOnlyList<Link> links, IReadOnlyList<Link> buffers)
        {
            foreach (var link in links) rings.Write(link.At, default);
        }
    }

    private sealed class MarksTables(ITarget inner) : SpoilsChains(inner)
    {
        protected override void Spoil(Rings rings, IReadOnlyList<Link> links, IReadOnlyList<Link> buffers)
        {
            foreach (var entry in links.Where(link => link.IsIndirect).SelectMany(rings.TableOf)) rings.Write(entry.At, entry.Descriptor with { Next = 0x8000 });
        }
    }

    private sealed class WritesBeyond(ITarget inner) : SpoilsChains(inner)
    {
        protected override void Spoil(Rings rings, IReadOnlyList<Link> links, IReadOnlyList<Link> buffers)
        {
            if (buffers.LastOrDefault(link => link.IsWritable) is { } last) Ram.Write(last.Descriptor.Address + last.Descriptor.Length, [0xff]);
        }
    }

    private sealed class SulksAtLength(ITarget inner) : RingInterceptor(inner)
    {
        private const int Limit = 16;
        private bool sulking;

        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            sulking |= rings.WaitingHeads().Any(head => rings.BuffersOf(head).Count > Limit);
            if (!sulking) Pass(doorbell);
        }
    }

    private sealed class MindsDirt(ITarget inner) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            var dirty = rings.WaitingHeads().Select(head => rings.BuffersOf(head).LastOrDefault(link => link.IsWritable)?.Descriptor).OfType<Descriptor>()
                .Where(tail => tail.Length >= Request.TailSize && Read(tail.Address, 1)[0] == 0xff).ToList();
            Pass(doorbell);
            foreach (var tail in dirty) Ram.Write(tail.Address + tail.Length - Request.TailSize, [(byte)RequestStatus.IoErr]);
        }
    }
}
