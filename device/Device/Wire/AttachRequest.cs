namespace Viommu.Device.Wire;

/// <summary>struct virtio_iommu_req_attach between head and tail (section 5.13.6.3).</summary>
internal readonly record struct AttachRequest(uint Domain, uint Endpoint, AttachFlags Flags, uint Reserved)
{
    public const int BodySize = 4 + 4 + 4 + 4;

    public static bool TryDecode(ReadOnlySpan<byte> body, out AttachRequest request)
    {
        request = default;
        if (body.Length < BodySize) return false;
        var reader = new WireReader(body);
        request = new(reader.U32(), reader.U32(), (AttachFlags)reader.U32(), reader.U32());
        return true;
    }
}

/// <summary>VIRTIO_IOMMU_ATTACH_F_*.</summary>
[Flags]
internal enum AttachFlags : uint
{
    None = 0,
    Bypass = 1 << 0,
}
