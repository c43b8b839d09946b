using System.Buffers.Binary;
using Viommu.Device.Iommu;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of UNMAP.</summary>
internal static class BrokenUnmappings
{
    private const int VirtEnd = 16;
    private const int Reserved = 24;
    private static readonly string[] OfMany = ["IOMMU-UNMAP-D-07.unmapping-hundreds-*", "IOMMU-UNMAP-D-07.hundreds-*"];

    public static IEnumerable<BrokenDevice> All() =>
    [
        Unmap("answers UNMAP with dirty reserved bytes by NOENT", ["IOMMU-UNMAP-D-01"], (request, reply, next) =>
            IsDirty(request) ? Answer(reply, RequestStatus.NoEnt) : next(request, reply)),
        BrokenDevice.With("unmaps half of what it refuses to unmap", ["IOMMU-UNMAP-D-02"], (device, _) => new HalfDone(device)),
        BrokenDevice.Answers("answers UNMAP on a missing domain with OK", ["IOMMU-UNMAP-D-03"], RequestType.Unmap, (byte)RequestStatus.NoEnt, (byte)RequestStatus.Ok),
        BrokenDevice.Answers("answers splitting a mapping with INVAL", ["IOMMU-UNMAP-D-05"], RequestType.Unmap, (byte)RequestStatus.Range, (byte)RequestStatus.Inval),
        BrokenDevice.With("removes what it can before it finds a mapping to split", ["IOMMU-UNMAP-D-06"], (device, _) => new NotAtomic(device)),
        BrokenDevice.With("answers UNMAP of an empty range with NOENT", ["IOMMU-UNMAP-D-07.unmapping-an-empty-*"], (device, _) => new EmptyIsAnError(device)),
        Unmap("answers UNMAP with OK and removes nothing", [
            "IOMMU-UNMAP-D-07.unmapping-exactly-*", "IOMMU-UNMAP-D-07.unmapping-two-*", "IOMMU-UNMAP-D-07.unmapping-one-*", "IOMMU-UNMAP-D-07.a-range-*",
            "IOMMU-UNMAP-D-07.an-unmapped-*", "IOMMU-UNMAP-D-01",
        ], (_, reply, _) => Answer(reply, RequestStatus.Ok)),
        Unmap("answers UNMAP with FAULT for no reason", ["IOMMU-OPS-D-01"], (_, reply, _) => Answer(reply, RequestStatus.Fault)),
        BrokenDevice.With("unmaps sixteen mappings and answers OK", OfMany, (device, _) => new MiscountsMappings(device, removed: 16, beyond: 0)),
        BrokenDevice.With("unmaps one mapping too many where there are many", OfMany, (device, _) => new MiscountsMappings(device, removed: int.MaxValue, beyond: 1)),
        Unmap("overflows on the size of the whole address space", ["IOMMU-UNMAP-D-07.unmapping-the-whole-*"], (request, reply, next) =>
            BinaryPrimitives.ReadUInt64LittleEndian(request.AsSpan(VirtEnd)) == ulong.MaxValue ? Answer(reply, RequestStatus.Ok) : next(request, reply)),
    ];

    private static BrokenDevice Unmap(string name, string[] breaks, RequestHandler handler) => BrokenDevice.Requests(
        name, breaks, (request, reply, next) =>
            request[0] == RequestType.Unmap && request.Length >= 28 && reply.Length >= 4 ? handler(request, reply, next) : next(request, reply));

    private static bool IsUnmap(byte[] request) => request[0] == RequestType.Unmap && request.Length >= 28;

    private static bool IsDirty(byte[] request) => request.AsSpan(Reserved, 4).IndexOfAnyExcept((byte)0) >= 0;

    private static int Answer(Span<byte> reply, RequestStatus status)
    {
        // DESC-IOMMU-02: without room for a tail there is no status.
        if (reply.Length < Request.TailSize) return 0;
        reply[0] = (byte)status;
        return Request.TailSize;
    }

    private sealed class HalfDone(IommuDevice device) : Shadow(device)
    {
        protected override int Handle(byte[] request, Span<byte> reply)
        {
            if (!IsUnmap(request) || !IsDirty(request) || Mappings.Find(mapping => mapping.Start == U64(request, 8)) is not { } whole)
                return base.Handle(request, reply);
            var middle = whole.Start + (whole.End - whole.Start) / 2;
            Ask(new UnmapRequest(whole.Domain, whole.Start, whole.End));
            Ask(new MapRequest(whole.Domain, whole.Start, middle, whole.Physical, whole.Flags));
            return Answer(reply, RequestStatus.Inval);
        }
    }

    private sealed class NotAtomic(IommuDevice device) : Shadow(device)
    {
        protected override int Handle(byte[] request, Span<byte> reply)
        {
            var used = base.Handle(request, reply);
            if (!IsUnmap(request) || reply[0] != (byte)RequestStatus.Range) return used;
            foreach (var mapping in Mappings.Where(mapping => mapping.Domain == U32(request, 4)).ToList())
            {
                if (mapping.Start < U64(request, 8) || mapping.End > U64(request, VirtEnd)) continue;
                Ask(new UnmapRequest(mapping.Domain, mapping.Start, mapping.End));
                Mappings.Remove(mapping);
            }
            return used;
        }
    }

    /// <summary>Of more than sixteen mappings it removes some only, or some beyond the last one as well.</summary>
    private sealed class MiscountsMappings(IommuDevice device, int removed, int beyond) : Shadow(device)
    {
        protected override int Handle(byte[] request, Span<byte> reply)
        {
            if (!IsUnmap(request)) return base.Handle(request, reply);
            var behind = Mappings.Where(mapping => mapping.Domain == U32(request, 4) && mapping.Start >= U64(request, 8)).OrderBy(mapping => mapping.Start).ToList();
            var covered = behind.Count(mapping => mapping.End <= U64(request, VirtEnd));
            if (covered <= 16) return base.Handle(request, reply);
            foreach (var mapping in behind.Take(Math.Min(covered, removed) + beyond))
            {
                Ask(new UnmapRequest(mapping.Domain, mapping.Start, mapping.End));
                Mappings.Remove(mapping);
            }
            return Answer(reply, RequestStatus.Ok);
        }
    }

    private sealed class EmptyIsAnError(IommuDevice device) : Shadow(device)
    {
        protected override int Handle(byte[] request, Span<byte> reply) =>
            IsUnmap(request) && !Mappings.Exists(mapping => mapping.Domain == U32(request, 4) && mapping.Start <= U64(request, VirtEnd) && mapping.End >= U64(request, 8))
                ? Answer(reply, RequestStatus.NoEnt)
                : base.Handle(request, reply);
    }
}
