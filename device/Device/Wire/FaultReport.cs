namespace Viommu.Device.Wire;

/// <summary>struct virtio_iommu_fault (section 5.13.6.9).</summary>
internal readonly record struct FaultReport(FaultReason Reason, FaultFlags Flags, uint Endpoint, ulong Address)
{
    public const int Size = 1 + 3 + 4 + 4 + 4 + 8;

    public void Encode(Span<byte> into)
    {
        var writer = new WireWriter(into);
        writer.U8((byte)Reason);
        writer.Zeroes(3);
        writer.U32((uint)Flags);
        writer.U32(Endpoint);
        writer.Zeroes(4);
        writer.U64(Address);
    }
}

/// <summary>VIRTIO_IOMMU_FAULT_R_*.</summary>
internal enum FaultReason : byte
{
    Unknown = 0,
    Domain = 1,
    Mapping = 2,
}

/// <summary>VIRTIO_IOMMU_FAULT_F_*.</summary>
[Flags]
internal enum FaultFlags : uint
{
    None = 0,
    Read = 1 << 0,
    Write = 1 << 1,
    Address = 1 << 8,
}
