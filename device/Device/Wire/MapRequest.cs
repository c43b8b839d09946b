namespace Viommu.Device.Wire;

/// <summary>struct virtio_iommu_req_map between head and tail (section 5.13.6.5).</summary>
internal readonly record struct MapRequest(uint Domain, ulong VirtStart, ulong VirtEnd, ulong PhysStart, MapFlags Flags)
{
    public const int BodySize = 4 + 8 + 8 + 8 + 4;

    public static bool TryDecode(ReadOnlySpan<byte> body, out MapRequest request)
    {
        request = default;
        if (body.Length < BodySize) return false;
        var reader = new WireReader(body);
        request = new(reader.U32(), reader.U64(), reader.U64(), reader.U64(), (MapFlags)reader.U32());
        return true;
    }
}

/// <summary>VIRTIO_IOMMU_MAP_F_*.</summary>
[Flags]
internal enum MapFlags : uint
{
    None = 0,
    Read = 1 << 0,
    Write = 1 << 1,
    Mmio = 1 << 2,
}
