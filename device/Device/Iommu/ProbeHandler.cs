using Viommu.Device.Wire;

namespace Viommu.Device.Iommu;

/// <summary>PROBE (section 5.13.6.7): the one request whose writable part is more than the tail.</summary>
internal static class ProbeHandler
{
    /// <summary>Writes properties and tail to <paramref name="reply"/>, which comes zeroed; returns the used length.</summary>
    public static int Handle(in ProbeRequest request, IommuState state, Span<byte> reply)
    {
        int properties = (int)state.Options.ProbeSize;
        if (reply.Length < properties + RequestTail.Size)
        {
            // IOMMU-PROBE-D-08/-09: no property, and the tail is what the driver takes for it, the last bytes.
            new RequestTail(RequestStatus.Inval).Encode(reply[^RequestTail.Size..]);
            return reply.Length;
        }

        var status = RequestStatus.Ok;
        // IOMMU-PROBE-D-02.
        if (!state.TryFindEndpoint(request.Endpoint, out var endpoint)) status = RequestStatus.NoEnt;
        else WriteProperties(endpoint.Reserved.All, reply[..properties]);
        new RequestTail(status).Encode(reply[properties..]);
        return properties + RequestTail.Size;
    }

    // IOMMU-PROBE-D-07: one right after the other. IOMMU-PROBE-D-10: the rest stays zero, which ends the list.
    private static void WriteProperties(ReadOnlySpan<ReservedRegion> regions, Span<byte> into)
    {
        foreach (ref readonly var region in regions)
        {
            new ReservedMemoryProperty((byte)region.Kind, region.Range.First, region.Range.Last).Encode(into);
            into = into[ReservedMemoryProperty.Size..];
        }
    }
}
