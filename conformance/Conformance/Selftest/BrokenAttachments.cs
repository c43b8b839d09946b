using Viommu.Conformance.Checks.Iommu;
using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of ATTACH and DETACH.</summary>
internal static class BrokenAttachments
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        Attach("ignores the reserved bytes of ATTACH", ["IOMMU-ATTACH-D-01"], (request, reply, next) =>
        {
            request.AsSpan(16, 4).Clear();
            return next(request, reply);
        }),
        Attach("ignores flags of ATTACH that it does not know", ["IOMMU-ATTACH-D-02"], (request, reply, next) =>
        {
            request.AsSpan(13, 3).Clear();
            request[12] &= (byte)AttachRequest.BypassFlag;
            return next(request, reply);
        }),
        BrokenDevice.Answers(
            "answers ATTACH of an unknown endpoint with INVAL", ["IOMMU-ATTACH-D-03"], RequestType.Attach, (byte)RequestStatus.NoEnt, (byte)RequestStatus.Inval),
        BrokenDevice.With("answers INVAL to a second endpoint", ["IOMMU-ATTACH-D-04", "IOMMU-ATTACH-D-05"], (device, _) => new RefusesToShare(device, RequestStatus.Inval)),
        BrokenDevice.With("answers UNSUPP to a second endpoint", ["IOMMU-ATTACH-D-10"], (device, _) => new RefusesToShare(device, RequestStatus.Unsupp)),
        Attach("takes F_BYPASS for what the domain is", ["IOMMU-ATTACH-D-06"], (request, reply, next) =>
        {
            var used = next(request, reply);
            if (reply[0] != (byte)RequestStatus.Inval || request[12] > 1) return used;
            request[12] ^= (byte)AttachRequest.BypassFlag;
            return next(request, reply);
        }),
        BrokenDevice.With("answers UNSUPP to a move", ["IOMMU-ATTACH-D-07"], (device, _) => new RefusesToMove(device, RequestStatus.Unsupp)),
        BrokenDevice.With("answers INVAL to a move", ["IOMMU-ATTACH-D-07", "IOMMU-ATTACH-D-09"], (device, _) => new RefusesToMove(device, RequestStatus.Inval)),
        BrokenDevice.With("remembers the mappings of domains that ended", ["IOMMU-ATTACH-D-08", "DESC-IOMMU-12"], (device, memory) => new RemembersMappings(device, memory)),
        new BrokenDevice("attaches an endpoint whose reserved region is mapped", ["IOMMU-ATTACH-D-11"], new ModelVariation
        {
            Options = options => options with { Endpoints = [.. options.Endpoints.Select(endpoint => endpoint with { ReservedRegions = [] })] },
            Assemble = (device, _) =>
            {
                var pretender = new PretendsToReserve(device);
                return new ModelParts(pretender, pretender);
            },
        }),
        Attach("answers OK to ATTACH without attaching", ["IOMMU-ATTACH-D-12", "DESC-IOMMU-07"], (request, reply, _) =>
        {
            reply[0] = (byte)RequestStatus.Ok;
            return Request.TailSize;
        }),
        BrokenDevice.With("shares a domain but not its mappings", ["DESC-IOMMU-08"], (device, _) => new SecondReachesNothing(device)),
        BrokenDevice.With("translates by the domains an endpoint was in before", ["DESC-IOMMU-09", "IOMMU-DETACH-D-04"], (device, memory) => new StaleAttachment(device, memory)),
        BrokenDevice.With("translates by the mappings of every domain", ["DESC-IOMMU-10"], (device, memory) => new OneSpaceForAll(device, memory)),
        BrokenDevice.With("translates bypass domains by mappings", ["DESC-IOMMU-11"], (device, _) => new NoBypassDomains(device)),
        Detach("rejects DETACH for its reserved bytes", ["IOMMU-DETACH-D-01"], (request, reply, next) =>
        {
            if (request.AsSpan(12, 8).IndexOfAnyExcept((byte)0) < 0) return next(request, reply);
            reply[0] = (byte)RequestStatus.Inval;
            return Request.TailSize;
        }),
        BrokenDevice.Answers(
            "answers DETACH of an unknown endpoint with INVAL", ["IOMMU-DETACH-D-02"], RequestType.Detach, (byte)RequestStatus.NoEnt, (byte)RequestStatus.Inval),
        Detach("gives no status to DETACH from the wrong domain", ["IOMMU-DETACH-D-03"], (request, reply, next) =>
            next(request, reply) is var used && reply[0] == (byte)RequestStatus.Inval ? 0 : used),
    ];

    private static BrokenDevice Attach(string name, string[] breaks, RequestHandler handler) => OfType(RequestType.Attach, name, breaks, handler);

    private static BrokenDevice Detach(string name, string[] breaks, RequestHandler handler) => OfType(RequestType.Detach, name, breaks, handler);

    private static BrokenDevice OfType(byte type, string name, string[] breaks, RequestHandler handler) => BrokenDevice.Requests(
        name, breaks, (request, reply, next) => request[0] == type && request.Length >= 20 && reply.Length >= 4 ? handler(request, reply, next) : next(request, reply));

    private static bool IsAttach(byte[] request) => request[0] == RequestType.Attach && request.Length >= 20;

    private static int Answer(Span<byte> reply, RequestStatus status)
    {
        // DESC-IOMMU-02: without room for a tail there is no status.
        if (reply.Length < Request.TailSize) return 0;
        reply[0] = (byte)status;
        return Request.TailSize;
    }

    /// <summary>Answers every further endpoint of a domain by one status.</summary>
    internal sealed class RefusesToShare(IommuDevice device, RequestStatus status) : Shadow(device)
    {
        protected override int Handle(byte[] request, Span<byte> reply) =>
            IsAttach(request) && Attached.Any(pair => pair.Key != U32(request, 8) && pair.Value == U32(request, 4))
                ? Answer(reply, status)
                : base.Handle(request, reply);
    }

    private sealed class RefusesToMove(IommuDevice device, RequestStatus status) : Shadow(device)
    {
        protected override int Handle(byte[] request, Span<byte> reply) =>
            IsAttach(request) && Attached.TryGetValue(U32(request, 8), out var domain) && domain != U32(request, 4)
                ? Answer(reply, status)
                : base.Handle(request, reply);
    }

    /// <summary>Translates by recorded mappings where the reference device finds none.</summary>
    private abstract class Leaking(IommuDevice device, IGuestMemory memory) : Shadow(device)
    {
        public override DmaResult Write(uint endpoint, IoVirtualAddress at, ReadOnlySpan<byte> bytes)
        {
            var leak = LeakOf(endpoint, at.Value);
            return leak is not null && memory.TryWrite(new GuestAddress(at.Value - leak.Start + leak.Physical), bytes)
                ? new DmaResult(DmaOutcome.Completed, (ulong)bytes.Length)
                : base.Write(endpoint, at, bytes);
        }

        protected abstract Mapped? LeakOf(uint endpoint, ulong address);
    }

    private sealed class RemembersMappings(IommuDevice device, IGuestMemory memory) : Leaking(device, memory)
    {
        protected override int Handle(byte[] request, Span<byte> reply) =>
            request[0] == RequestType.Map && Mappings.Any(mapping => mapping.Domain == U32(request, 4) && mapping.Holds(U64(request, 8)))
                ? Answer(reply, RequestStatus.Inval)
                : base.Handle(request, reply);

        protected override Mapped? LeakOf(uint endpoint, ulong address) =>
            Mappings.Find(mapping => Attached.TryGetValue(endpoint, out var domain) && mapping.Domain == domain && mapping.Holds(address));
    }

    private sealed class StaleAttachment(IommuDevice device, IGuestMemory memory) : Leaking(device, memory)
    {
        private readonly HashSet<(uint Endpoint, uint Domain)> ever = [];

        protected override int Handle(byte[] request, Span<byte> reply)
        {
            var used = base.Handle(request, reply);
            if (IsAttach(request) && used > 0 && reply[0] == 0) ever.Add((U32(request, 8), U32(request, 4)));
            return used;
        }

        protected override Mapped? LeakOf(uint endpoint, ulong address) =>
            Mappings.Find(mapping => ever.Contains((endpoint, mapping.Domain)) && mapping.Holds(address));
    }

    private sealed class OneSpaceForAll(IommuDevice device, IGuestMemory memory) : Leaking(device, memory)
    {
        protected override Mapped? LeakOf(uint endpoint, ulong address) => Mappings.Find(mapping => mapping.Holds(address));
    }

    private sealed class SecondReachesNothing(IommuDevice device) : Shadow(device)
    {
        public override DmaResult Write(uint endpoint, IoVirtualAddress at, ReadOnlySpan<byte> bytes) =>
            Attached.TryGetValue(endpoint, out var domain) && Attached.First(pair => pair.Value == domain).Key != endpoint
                ? new DmaResult(DmaOutcome.NotMapped, 0)
                : base.Write(endpoint, at, bytes);
    }

    private sealed class NoBypassDomains(IommuDevice device) : Shadow(device)
    {
        public override DmaResult Write(uint endpoint, IoVirtualAddress at, ReadOnlySpan<byte> bytes) =>
            Attached.TryGetValue(endpoint, out var domain) && BypassDomains.Contains(domain)
                ? new DmaResult(DmaOutcome.NotMapped, 0)
                : base.Write(endpoint, at, bytes);
    }

    /// <summary>Reports a reserved region of the second endpoint that it does not know of itself.</summary>
    private sealed class PretendsToReserve(IommuDevice device) : Interceptor(device)
    {
        protected override int Handle(byte[] request, Span<byte> reply)
        {
            var used = PassOn(request, reply);
            if (request[0] != RequestType.Probe || U32(request, 4) != ModelTarget.SecondEndpoint || used < 28 || reply[used - 4] != 0) return used;
            var region = AttachRequests.IncompatibleSecond.ReservedForSecondEndpoint!.Value;
            byte[] property = [1, 0, 20, 0, 0, 0, 0, 0, .. BitConverter.GetBytes(region.First), .. BitConverter.GetBytes(region.Last)];
            property.CopyTo(reply);
            return used;
        }
    }
}
