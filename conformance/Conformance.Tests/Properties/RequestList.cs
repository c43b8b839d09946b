using FsCheck;
using FsCheck.Fluent;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Tests.Properties;

/// <summary>Requests in their order; what a failing property prints once it has been shrunk.</summary>
public sealed record RequestList(IReadOnlyList<Request> Requests)
{
    /// <summary>Memory that mappings lead to.</summary>
    internal const ulong Memory = 0x200_0000;

    internal const ulong Granule = 4096;

    private const uint UnknownEndpoint = 0x4444;

    // Few pages, so that ranges meet; the lowest, some in the middle, and the last of the address space.
    private static readonly ulong[] Pages = [0, 1, 2, 0x1_0000, 0x1_0001, 0x1_0002, 0x1_0003, 0xf_ffff_ffff_fffd, 0xf_ffff_ffff_fffe, 0xf_ffff_ffff_ffff];

    /// <summary>Legal, nearly legal and hostile requests, ten to a hundred of them.</summary>
    public static Arbitrary<RequestList> Any { get; } = Arb.From(
        from count in Gen.Choose(10, 100)
        from requests in Gen.ListOf(AnyRequest(), count)
        select new RequestList([.. requests]),
        list => Shrink(list.Requests).Select(requests => new RequestList(requests)));

    /// <inheritdoc/>
    public override string ToString() => $"\n{string.Join('\n', Requests)}\n";

    private static Gen<Request> AnyRequest()
    {
        var domain = Gen.Elements(1u, 2u, 3u);
        var endpoint = Gen.Frequency(
            (9, Gen.Elements(ModelTarget.FirstEndpoint, ModelTarget.SecondEndpoint)), (1, Gen.Constant(UnknownEndpoint)));
        var page = Gen.Elements(Pages);
        var bend = Gen.Frequency((12, Gen.Constant(0UL)), (1, Gen.Elements(1UL, 0x800UL)));
        var attach =
            from d in domain
            from e in endpoint
            from flags in Gen.Frequency((12, Gen.Constant(0u)), (3, Gen.Constant(AttachRequest.BypassFlag)), (1, Gen.Elements(2u, 0x8000_0000u)))
            from reserved in Gen.Frequency((20, Gen.Constant(0u)), (1, Gen.Elements(1u, 0xff00_0000u)))
            select (Request)new AttachRequest(d, e) { Flags = flags, Reserved = reserved };
        var detach = from d in domain from e in endpoint select (Request)new DetachRequest(d, e);
        var range =
            from first in page
            from last in Gen.Frequency((3, Gen.Constant(first)), (2, page))
            from off in bend
            select (Start: first * Granule + off, End: last * Granule + (Granule - 1) - off);
        var map =
            from d in domain
            from r in range
            from physical in Gen.Choose(0, 15)
            from off in bend
            from flags in Gen.Frequency((10, Gen.Elements(1u, 2u, 3u)), (1, Gen.Elements(0u, 4u, 7u)), (1, Gen.Elements(8u, 0x8000_0003u)))
            select (Request)new MapRequest(d, r.Start, r.End, Memory + (ulong)physical * Granule + off, flags);
        var unmap =
            from d in domain
            from r in Gen.Frequency((9, range), (1, Gen.Constant((Start: 0UL, End: ulong.MaxValue))))
            from reserved in Gen.Frequency((20, Gen.Constant(0u)), (1, Gen.Constant(1u)))
            select (Request)new UnmapRequest(d, r.Start, r.End) { Reserved = reserved };
        return Gen.Frequency((3, attach), (1, detach), (6, map), (3, unmap));
    }

    /// <summary>Leaves out half of the requests, a quarter, and so on down to one.</summary>
    private static IEnumerable<IReadOnlyList<Request>> Shrink(IReadOnlyList<Request> requests)
    {
        for (var size = requests.Count / 2; size > 0; size /= 2)
        {
            for (var at = 0; at < requests.Count; at += size)
                yield return [.. requests.Take(at), .. requests.Skip(at + size)];
        }
    }
}
