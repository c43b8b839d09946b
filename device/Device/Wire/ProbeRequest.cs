namespace Viommu.Device.Wire;

/// <summary>The device-readable part of struct virtio_iommu_req_probe after the head (section 5.13.6.7).</summary>
internal readonly record struct ProbeRequest(uint Endpoint)
{
    // The 64 reserved bytes have to be there, but have no influence (IOMMU-PROBE-D-01).
    public const int BodySize = 4 + 64;

    public static bool TryDecode(ReadOnlySpan<byte> body, out ProbeRequest request)
    {
        request = default;
        if (body.Length < BodySize) return false;
        var reader = new WireReader(body);
        request = new(reader.U32());
        return true;
    }
}
