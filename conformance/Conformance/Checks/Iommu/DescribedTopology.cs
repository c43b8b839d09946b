using Viommu.Guest.Platform;
using Viommu.Guest.Targets;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Iommu;

/// <summary>Whether the device manages the endpoints that firmware tells the guest it does (ACPI VIOT; 5.13.6.3 on endpoint IDs).</summary>
internal static class DescribedTopology
{
    [Check("DESC-IOMMU-18",
        Does = "Reads the VIOT that firmware hands to the guest, and attaches every endpoint that can make DMA under the ID that it has there.",
        Reading = "Each is described, and ATTACH is answered OK.")]
    internal static void Endpoints_are_attached_by_the_ids_that_firmware_gives_them(CheckContext check)
    {
        var viot = Described(check);
        _ = check.Endpoint;
        var driver = check.Start();
        foreach (var endpoint in check.Endpoints)
        {
            That(viot.Describes(endpoint.Id), $"endpoint 0x{endpoint.Id:x} in the VIOT", $"it has {string.Join(", ", viot.Endpoints)}");
            Answers(driver.Attach(check.Domain(0), endpoint.Id), RequestStatus.Ok);
            Given(driver.Detach(check.Domain(0), endpoint.Id));
        }
    }

    [Check("IOMMU-ATTACH-D-03",
        Does = "Attaches the endpoints next to those that the VIOT describes, where no PCI function has that ID.",
        Reading = "NOENT: nothing but what firmware describes is behind this virtio-iommu.")]
    internal static void An_endpoint_beside_those_described_is_answered_NOENT(CheckContext check)
    {
        var viot = Described(check);
        var beside = viot.Endpoints.SelectMany(range => new[] { unchecked(range.First - 1), unchecked(range.Last + 1) })
            .Where(id => !viot.Describes(id) && !IsFunction(check.Machine.Target, id)).Distinct().ToList();
        if (beside.Count == 0) throw new NotApplicableException("the VIOT describes every endpoint ID, or a PCI function has the next one");
        var driver = check.Start();
        foreach (var id in beside) Answers(driver.Attach(check.Domain(0), id), RequestStatus.NoEnt);
    }

    /// <summary>
    /// IDs that differ from the first endpoint's in one bit and name no endpoint of the machine. Bits 24 and 31 do in no machine that says nothing of its topology: on PCI
    /// they are those of segment numbers of 256 and more. Others do where firmware says so.
    /// </summary>
    internal static List<uint> EndpointsBeside(CheckContext check)
    {
        var viot = Viot.Of(check.Machine.Target);
        var target = check.Machine.Target;
        int[] bits = viot is null ? [24, 31] : [8, 16, 24, 31];
        var beside = bits.Select(bit => check.Endpoint ^ (1u << bit))
            .Where(id => viot?.Describes(id) != true && !check.Endpoints.Any(endpoint => endpoint.Id == id) && !IsFunction(target, id)).ToList();
        return beside.Count > 0 ? beside : throw new NotApplicableException("every ID that differs from an endpoint's in one high bit is an endpoint's as well");
    }

    private static Viot Described(CheckContext check) =>
        Viot.Of(check.Machine.Target) ?? throw new NotApplicableException("the machine's firmware describes no topology");

    /// <summary>Whether a function of segment 0 has this requester ID.</summary>
    private static bool IsFunction(ITarget target, uint id) =>
        id <= ushort.MaxValue && (ushort)target.ConfigRead(new PciAddress((byte)(id >> 8), (byte)((id >> 3) & 0x1f), (byte)(id & 7)), 0, 2) != 0xffff;
}
