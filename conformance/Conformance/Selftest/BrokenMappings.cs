using System.Buffers.Binary;
using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of MAP.</summary>
internal static class BrokenMappings
{
    private const int VirtStart = 8;
    private const int VirtEnd = 16;
    private const int PhysStart = 24;
    private const int Flags = 32;
    private const ulong Granule = 4096;

    public static IEnumerable<BrokenDevice> All() =>
    [
        Map("rounds misaligned ranges", ["IOMMU-MAP-D-01.a-*"], (request, reply, next) =>
        {
            Put(request, VirtStart, Get(request, VirtStart) & ~(Granule - 1));
            Put(request, VirtEnd, Get(request, VirtEnd) | (Granule - 1));
            Put(request, PhysStart, Get(request, PhysStart) & ~(Granule - 1));
            return next(request, reply);
        }),
        Map("takes the end of the address space for misaligned", ["IOMMU-MAP-D-01.the-*"], (request, reply, next) =>
            Get(request, VirtEnd) == ulong.MaxValue ? Answer(reply, RequestStatus.Range) : next(request, reply)),
        Map("lets a mapping replace an equal one", ["IOMMU-MAP-D-02"], (request, reply, next) =>
        {
            var unmap = new UnmapRequest(BinaryPrimitives.ReadUInt32LittleEndian(request.AsSpan(4)), Get(request, VirtStart), Get(request, VirtEnd));
            next(unmap.Encode(), reply);
            return next(request, reply);
        }),
        Map("ignores flags of MAP that it does not know", ["IOMMU-MAP-D-03"], (request, reply, next) =>
        {
            request.AsSpan(Flags + 1, 3).Clear();
            request[Flags] &= 7;
            return next(request, reply);
        }),
        BrokenDevice.Answers(
            "answers MAP on a missing domain with INVAL", ["IOMMU-MAP-D-04"], RequestType.Map, (byte)RequestStatus.NoEnt, (byte)RequestStatus.Inval),
        BrokenDevice.With("takes mappings on bypass domains", ["IOMMU-MAP-D-05", "IOMMU-UNMAP-D-04"], (device, _) => new BypassDomainsTakeAnything(device)),
        Map("makes every mapping writable", ["IOMMU-MAP-D-06"], (request, reply, next) =>
        {
            request[Flags] |= (byte)MapFlags.Write;
            return next(request, reply);
        }),
        Map("makes nothing of WRITE without READ", ["IOMMU-MAP-D-07"], (request, reply, next) =>
        {
            if ((request[Flags] & 3) == MapFlags.Write) request[Flags] = 0;
            return next(request, reply);
        }),
        Map("makes nothing of READ without WRITE", ["DESC-IOMMU-13.a-range-mapped-read-*"], (request, reply, next) =>
        {
            if ((request[Flags] & 3) == MapFlags.Read) request[Flags] = 0;
            return next(request, reply);
        }),
        Map("maps one granule too far", ["DESC-IOMMU-13.addresses-next-to-*"], (request, reply, next) =>
        {
            Put(request, VirtEnd, Get(request, VirtEnd) + Granule);
            return next(request, reply);
        }),
        Map("maps to the granule behind the one asked for", ["DESC-IOMMU-13.addresses-inside-*"], (request, reply, next) =>
        {
            Put(request, PhysStart, Get(request, PhysStart) + Granule);
            return next(request, reply);
        }),
        BrokenDevice.With("translates the first byte of an access only", ["DESC-IOMMU-13.an-access-across-*"], (device, memory) => new TranslatesOnce(device, memory)),
        Map("maps two granules or more", ["DESC-IOMMU-03"], (request, reply, next) =>
            Get(request, VirtEnd) - Get(request, VirtStart) < Granule ? Answer(reply, RequestStatus.Range) : next(request, reply)),
    ];

    private static BrokenDevice Map(string name, string[] breaks, RequestHandler handler) => BrokenDevice.Requests(
        name, breaks, (request, reply, next) =>
            request[0] == RequestType.Map && request.Length >= 36 && reply.Length >= 4 ? handler(request, reply, next) : next(request, reply));

    private static ulong Get(byte[] request, int at) => BinaryPrimitives.ReadUInt64LittleEndian(request.AsSpan(at));

    private static void Put(byte[] request, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(request.AsSpan(at), value);

    private static int Answer(Span<byte> reply, RequestStatus status)
    {
        // DESC-IOMMU-02: without room for a tail there is no status.
        if (reply.Length < Request.TailSize) return 0;
        reply[0] = (byte)status;
        return Request.TailSize;
    }

    private sealed class BypassDomainsTakeAnything(IommuDevice device) : Shadow(device)
    {
        protected override int Handle(byte[] request, Span<byte> reply) =>
            request[0] is RequestType.Map or RequestType.Unmap && BypassDomains.Contains(U32(request, 4))
                ? Answer(reply, RequestStatus.Ok)
                : base.Handle(request, reply);
    }

    private sealed class TranslatesOnce(IommuDevice device, IGuestMemory memory) : Shadow(device)
    {
        public override DmaResult Write(uint endpoint, IoVirtualAddress at, ReadOnlySpan<byte> bytes)
        {
            var first = Mappings.Find(mapping => mapping.Holds(at.Value));
            return first is not null && memory.TryWrite(new GuestAddress(at.Value - first.Start + first.Physical), bytes)
                ? new DmaResult(DmaOutcome.Completed, (ulong)bytes.Length)
                : base.Write(endpoint, at, bytes);
        }
    }
}
