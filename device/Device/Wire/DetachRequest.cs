namespace Viommu.Device.Wire;

/// <summary>struct virtio_iommu_req_detach between head and tail (section 5.13.6.4).</summary>
internal readonly record struct DetachRequest(uint Domain, uint Endpoint)
{
    // The eight reserved bytes have to be there, but have no influence (IOMMU-DETACH-D-01).
    public const int BodySize = 4 + 4 + 8;

    public static bool TryDecode(ReadOnlySpan<byte> body, out DetachRequest request)
    {
        request = default;
        if (body.Length < BodySize) return false;
        var reader = new WireReader(body);
        request = new(reader.U32(), reader.U32());
        return true;
    }
}
