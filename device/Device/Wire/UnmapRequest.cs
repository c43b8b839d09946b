namespace Viommu.Device.Wire;

/// <summary>struct virtio_iommu_req_unmap between head and tail (section 5.13.6.6).</summary>
internal readonly record struct UnmapRequest(uint Domain, ulong VirtStart, ulong VirtEnd, uint Reserved)
{
    public const int BodySize = 4 + 8 + 8 + 4;

    public static bool TryDecode(ReadOnlySpan<byte> body, out UnmapRequest request)
    {
        request = default;
        if (body.Length < BodySize) return false;
        var reader = new WireReader(body);
        request = new(reader.U32(), reader.U64(), reader.U64(), reader.U32());
        return true;
    }
}
