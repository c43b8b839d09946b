using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of PROBE and RESV_MEM.</summary>
internal static class BrokenProperties
{
    private const int PropertySize = 24;

    public static IEnumerable<BrokenDevice> All() =>
    [
        Probe("rejects PROBE for its reserved bytes", ["IOMMU-PROBE-D-01"], (request, reply, next) =>
        {
            var used = next(request, reply);
            if (used > 0 && request.AsSpan(8).IndexOfAnyExcept((byte)0) >= 0) reply[used - 4] = (byte)RequestStatus.Inval;
            return used;
        }),
        BrokenDevice.Answers("answers PROBE of an unknown endpoint with INVAL", ["IOMMU-PROBE-D-02"], RequestType.Probe, (byte)RequestStatus.NoEnt, (byte)RequestStatus.Inval),
        Probe("answers PROBE with UNSUPP where it is not offered", ["IOMMU-PROBE-D-03", "IOMMU-PROBE-D-04"], (request, reply, next) =>
        {
            var used = next(request, reply);
            if (used > 0) return used;
            reply[^4] = (byte)RequestStatus.Unsupp;
            return reply.Length;
        }),
        Patched("sets reserved bits in property headers", ["IOMMU-PROBE-D-05"], reply => reply[1] |= 0x80),
        Patched("counts the header in the length of a property", ["IOMMU-PROBE-D-06"], reply => reply[2] += 4),
        Patched("leaves a gap between properties", ["IOMMU-PROBE-D-07"], reply =>
        {
            reply[PropertySize..(2 * PropertySize)].CopyTo(reply[(PropertySize + 4)..]);
            reply[PropertySize..(PropertySize + 4)].Clear();
        }),
        Probe("writes properties into an area that is too small", ["IOMMU-PROBE-D-08", "IOMMU-PROBE-D-09"], (request, reply, next) =>
        {
            var whole = new byte[516];
            if (reply.Length >= whole.Length || reply.Length < PropertySize + 4) return next(request, reply);
            next(request, whole);
            whole.AsSpan(0, reply.Length - 4).CopyTo(reply);
            return reply.Length;
        }),
        Patched("leaves rubbish behind the property list", ["IOMMU-PROBE-D-10"], reply => reply[^8..^4].Fill(0xcc)),
        Patched("has a property that sticks out of its area", ["DESC-IOMMU-14"], reply => reply.Slice(2, 2).Fill(0xff)),
        Patched("sets reserved bytes of a region", ["IOMMU-RESV-D-01"], reply => reply[6] = 1),
        Patched("presents two MSI regions", ["IOMMU-RESV-D-02"], reply => reply[PropertySize + 4] = Guest.Wire.ReservedRegion.MsiSubtype),
        Patched("presents regions that overlap", ["IOMMU-RESV-D-03"], reply => reply.Slice(8, 16).CopyTo(reply[(PropertySize + 8)..])),
        new BrokenDevice("maps over the regions it presents", ["IOMMU-RESV-D-04", "DESC-IOMMU-15"], new ModelVariation
        {
            Options = options => options with { Endpoints = [.. options.Endpoints.Select(endpoint => endpoint with { ReservedRegions = [] })] },
            Assemble = (device, memory) =>
            {
                var facade = new PresentsForeignRegions(device, memory);
                return new ModelParts(facade, facade);
            },
        }),
        BrokenDevice.With("lets an endpoint through to memory under its reserved region", ["IOMMU-RESV-D-05"], (device, memory) => new RegionIsIdentity(device, memory)),
    ];

    private delegate void ReplyPatch(Span<byte> reply);

    private static BrokenDevice Probe(string name, string[] breaks, RequestHandler handler) => BrokenDevice.Requests(
        name, breaks, (request, reply, next) =>
            request[0] == RequestType.Probe && request.Length >= 72 && reply.Length >= 4 ? handler(request, reply, next) : next(request, reply));

    /// <summary>Changes the reply to a PROBE that is answered OK with two properties.</summary>
    private static BrokenDevice Patched(string name, string[] breaks, ReplyPatch patch) => Probe(name, breaks, (request, reply, next) =>
    {
        var used = next(request, reply);
        if (used > 2 * PropertySize + 12 && reply[used - 4] == (byte)RequestStatus.Ok) patch(reply[..used]);
        return used;
    });

    /// <summary>Answers PROBE by another device of the same options as the model's default.</summary>
    private sealed class PresentsForeignRegions : Interceptor
    {
        private readonly IommuDevice facade;

        public PresentsForeignRegions(IommuDevice device, IGuestMemory memory) : base(device)
        {
            var region = new Device.Iommu.ReservedRegion(new AddressRange(0xfee0_0000, 0xfeef_ffff), ReservedRegionKind.Msi);
            uint[] endpoints = [ModelTarget.FirstEndpoint, ModelTarget.SecondEndpoint];
            facade = new IommuDevice(
                new IommuOptions { Endpoints = [.. endpoints.Select(id => new EndpointOptions(id) { ReservedRegions = [region] })] }, memory);
        }

        public override void FeaturesNegotiated(ulong features)
        {
            base.FeaturesNegotiated(features);
            facade.FeaturesNegotiated(features);
        }

        protected override int Handle(byte[] request, Span<byte> reply) =>
            request[0] == RequestType.Probe ? facade.Process(IommuDevice.RequestQueue, request, reply) : base.Handle(request, reply);
    }

    /// <summary>Knows the regions of an endpoint by probing it, as a driver does.</summary>
    private sealed class RegionIsIdentity(IommuDevice device, IGuestMemory memory) : Interceptor(device)
    {
        private readonly Dictionary<uint, Guest.Wire.ReservedRegion[]> known = [];

        public override DmaResult Write(uint endpoint, IoVirtualAddress at, ReadOnlySpan<byte> bytes)
        {
            foreach (var region in RegionsOf(endpoint))
            {
                if (at.Value >= region.Start && at.Value <= region.End && memory.TryWrite(new GuestAddress(at.Value), bytes))
                    return new DmaResult(DmaOutcome.Completed, (ulong)bytes.Length);
            }
            return base.Write(endpoint, at, bytes);
        }

        private Guest.Wire.ReservedRegion[] RegionsOf(uint endpoint)
        {
            if (known.TryGetValue(endpoint, out var regions)) return regions;
            var reply = new byte[Device.LongestReply];
            if (PassOn(new ProbeRequest(endpoint, reply.Length - Request.TailSize).Encode(), reply) == 0) return [];
            return known[endpoint] = [.. ProbeProperty.Parse(reply.AsSpan(0, reply.Length - Request.TailSize)).Select(property => property.AsReservedRegion()).OfType<Guest.Wire.ReservedRegion>()];
        }
    }
}
