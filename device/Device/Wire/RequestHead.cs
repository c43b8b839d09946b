namespace Viommu.Device.Wire;

/// <summary>struct virtio_iommu_req_head. Its reserved bytes have no influence (IOMMU-OPS-D-04), so they are not kept.</summary>
internal readonly record struct RequestHead(RequestType Type)
{
    public const int Size = 1 + 3;

    public static bool TryDecode(ReadOnlySpan<byte> bytes, out RequestHead head)
    {
        head = default;
        if (bytes.Length < Size) return false;
        head = new((RequestType)bytes[0]);
        return true;
    }
}

/// <summary>struct virtio_iommu_req_tail.</summary>
internal readonly record struct RequestTail(RequestStatus Status)
{
    public const int Size = 1 + 3;

    public void Encode(Span<byte> into)
    {
        into[0] = (byte)Status;
        into[1..Size].Clear();
    }
}
