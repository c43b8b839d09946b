using System.Buffers.Binary;

namespace Viommu.Guest.Wire;

/// <summary>struct virtio_iommu_fault (5.13.6.9).</summary>
public sealed record FaultReport(byte Reason, uint Reserved, uint Flags, uint Endpoint, uint Reserved1, ulong Address)
{
    /// <summary>Size in bytes.</summary>
    public const int Size = 24;

    /// <summary>VIRTIO_IOMMU_FAULT_R_UNKNOWN.</summary>
    public const byte ReasonUnknown = 0;

    /// <summary>VIRTIO_IOMMU_FAULT_R_DOMAIN.</summary>
    public const byte ReasonDomain = 1;

    /// <summary>VIRTIO_IOMMU_FAULT_R_MAPPING.</summary>
    public const byte ReasonMapping = 2;

    /// <summary>VIRTIO_IOMMU_FAULT_F_READ.</summary>
    public const uint ReadFlag = 1 << 0;

    /// <summary>VIRTIO_IOMMU_FAULT_F_WRITE.</summary>
    public const uint WriteFlag = 1 << 1;

    /// <summary>VIRTIO_IOMMU_FAULT_F_ADDRESS.</summary>
    public const uint AddressFlag = 1 << 8;

    /// <summary>True where <see cref="Address"/> says something.</summary>
    public bool HasAddress => (Flags & AddressFlag) != 0;

    /// <summary>Decodes <see cref="Size"/> bytes.</summary>
    public static FaultReport Decode(ReadOnlySpan<byte> bytes) => new(
        bytes[0],
        (uint)(bytes[1] | bytes[2] << 8 | bytes[3] << 16),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]));

    /// <inheritdoc/>
    public override string ToString() =>
        $"fault reason={Reason} flags=0x{Flags:x} endpoint=0x{Endpoint:x}" + (HasAddress ? $" address=0x{Address:x}" : " without address");
}
