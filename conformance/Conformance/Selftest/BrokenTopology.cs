using System.Buffers.Binary;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Machines whose firmware tells the guest of other endpoints than the device manages.</summary>
internal static class BrokenTopology
{
    // Of a VIOT's PCI range node: the first endpoint ID (ACPI 6.4, section 5.2.34.1). The reference machine's IOMMU node is 16 bytes.
    private const int FirstRange = 48 + 16;
    private const int EndpointStart = 4;

    public static IEnumerable<BrokenDevice> All() =>
    [
        new BrokenDevice("is described with an endpoint ID that is one too high", ["DESC-IOMMU-18"], new ModelVariation { Machine = target => new Misdescribed(target, by: 1) }),
        BrokenDevice.Requests("attaches the endpoint beside one that exists", ["IOMMU-ATTACH-D-03.an-endpoint-beside-*"], (request, reply, next) =>
        {
            if (request[0] == RequestType.Attach && request.Length >= 12 && request[8] == ModelTarget.FirstEndpoint + 1) request[8]--;
            return next(request, reply);
        }),
    ];

    private sealed class Misdescribed(ITarget inner, uint by) : TargetInterceptor(inner)
    {
        public override byte[]? ReadViot()
        {
            var table = base.ReadViot()!;
            var id = table.AsSpan(FirstRange + EndpointStart);
            BinaryPrimitives.WriteUInt32LittleEndian(id, BinaryPrimitives.ReadUInt32LittleEndian(id) + by);
            return table;
        }
    }
}
