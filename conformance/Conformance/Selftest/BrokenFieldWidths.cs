using System.Buffers.Binary;
using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that drop high bits of addresses, domain numbers or endpoint IDs.</summary>
internal static class BrokenFieldWidths
{
    private const int Domain = 4;
    private const int EndpointOfAttachment = 8;
    private const int EndpointOfProbe = 4;
    private const int VirtStart = 8;
    private const int VirtEnd = 16;
    private static readonly string[] OfTranslations = ["DESC-IOMMU-13.every-high-bit-*", "DESC-IOMMU-13.the-highest-*"];
    private static readonly string[] OfDomains = ["DESC-IOMMU-10.domains-that-differ-*", "IOMMU-MAP-D-04.a-domain-that-differs-*"];

    private static readonly string[] OfEndpoints =
        ["IOMMU-ATTACH-D-03.an-endpoint-that-differs-*", "IOMMU-DETACH-D-02.an-endpoint-that-differs-*", "IOMMU-PROBE-D-02.an-endpoint-that-differs-*"];

    public static IEnumerable<BrokenDevice> All() =>
    [
        BrokenDevice.With("translates 32 bits of an address", OfTranslations, (device, _) => new NarrowAccesses(device, uint.MaxValue)),
        BrokenDevice.With("translates 48 bits of an address", OfTranslations, (device, _) => new NarrowAccesses(device, 0xffff_ffff_ffff)),
        Ranges("maps 32 bits of an address", OfTranslations, RequestType.Map, uint.MaxValue),
        Ranges("maps 48 bits of an address", OfTranslations, RequestType.Map, 0xffff_ffff_ffff),
        Ranges("unmaps 32 bits of an address", ["IOMMU-UNMAP-D-07.every-high-bit-*"], RequestType.Unmap, uint.MaxValue),
        Ranges("unmaps 48 bits of an address", ["IOMMU-UNMAP-D-07.every-high-bit-*"], RequestType.Unmap, 0xffff_ffff_ffff),
        Narrow("takes 8 bits of a domain number", OfDomains, _ => Domain, IsOfDomain, byte.MaxValue),
        Narrow("takes 16 bits of a domain number", OfDomains, _ => Domain, IsOfDomain, ushort.MaxValue),
        Narrow("takes 31 bits of a domain number", OfDomains, _ => Domain, IsOfDomain, int.MaxValue),
        Narrow("takes 8 bits of an endpoint ID", OfEndpoints, AtEndpoint, IsOfEndpoint, byte.MaxValue),
        Narrow("takes 16 bits of an endpoint ID", OfEndpoints, AtEndpoint, IsOfEndpoint, ushort.MaxValue),
        Narrow("takes 24 bits of an endpoint ID", OfEndpoints, AtEndpoint, IsOfEndpoint, 0xff_ffff),
    ];

    private static bool IsOfDomain(byte type) => type is >= RequestType.Attach and <= RequestType.Unmap;

    private static bool IsOfEndpoint(byte type) => type is RequestType.Attach or RequestType.Detach or RequestType.Probe;

    private static int AtEndpoint(byte type) => type == RequestType.Probe ? EndpointOfProbe : EndpointOfAttachment;

    private static BrokenDevice Narrow(string name, string[] breaks, Func<byte, int> place, Func<byte, bool> isMeant, uint mask) =>
        BrokenDevice.Requests(name, breaks, (request, reply, next) =>
        {
            var at = place(request[0]);
            if (isMeant(request[0]) && request.Length >= at + sizeof(uint)) BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(at), U32(request, at) & mask);
            return next(request, reply);
        });

    private static BrokenDevice Ranges(string name, string[] breaks, byte type, ulong mask) => BrokenDevice.Requests(name, breaks, (request, reply, next) =>
    {
        if (request[0] == type && request.Length >= VirtEnd + sizeof(ulong))
        {
            foreach (var at in new[] { VirtStart, VirtEnd })
            {
                var field = request.AsSpan(at, sizeof(ulong));
                BinaryPrimitives.WriteUInt64LittleEndian(field, BinaryPrimitives.ReadUInt64LittleEndian(field) & mask);
            }
        }
        return next(request, reply);
    });

    private static uint U32(byte[] request, int at) => BinaryPrimitives.ReadUInt32LittleEndian(request.AsSpan(at));

    private sealed class NarrowAccesses(IommuDevice device, ulong mask) : Interceptor(device)
    {
        public override DmaResult Read(uint endpoint, IoVirtualAddress at, Span<byte> into) => base.Read(endpoint, new IoVirtualAddress(at.Value & mask), into);

        public override DmaResult Write(uint endpoint, IoVirtualAddress at, ReadOnlySpan<byte> bytes) => base.Write(endpoint, new IoVirtualAddress(at.Value & mask), bytes);
    }
}
