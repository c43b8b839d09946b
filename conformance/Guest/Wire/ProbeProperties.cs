using System.Buffers.Binary;

namespace Viommu.Guest.Wire;

/// <summary>One struct virtio_iommu_probe_property (5.13.6.7) as it was found in a properties area.</summary>
/// <param name="Offset">Where its header is in the area, in bytes.</param>
/// <param name="Type">The 12-bit type.</param>
/// <param name="Reserved">The four reserved bits above the type.</param>
/// <param name="Value">The bytes behind the header; fewer than <paramref name="Length"/> where the area ends before.</param>
/// <param name="Length">The length field.</param>
public sealed record ProbeProperty(int Offset, ushort Type, byte Reserved, ushort Length, byte[] Value)
{
    /// <summary>VIRTIO_IOMMU_PROBE_T_RESV_MEM.</summary>
    public const ushort ReservedMemory = 1;

    /// <summary>Size of the header in bytes.</summary>
    public const int HeaderSize = 4;

    /// <summary>True where the value does not fit into the area.</summary>
    public bool IsTruncated => Value.Length < Length;

    /// <summary>The value as a RESV_MEM property; null where type or length say it is none.</summary>
    public ReservedRegion? AsReservedRegion() => Type != ReservedMemory || Value.Length < ReservedRegion.ValueSize
        ? null
        : new ReservedRegion(
            Value[0],
            (uint)(Value[1] | Value[2] << 8 | Value[3] << 16),
            BinaryPrimitives.ReadUInt64LittleEndian(Value.AsSpan(4)),
            BinaryPrimitives.ReadUInt64LittleEndian(Value.AsSpan(12)));

    /// <summary>Walks a properties area as the spec tells a driver to: until a property of type 0 or the end of the area.</summary>
    public static List<ProbeProperty> Parse(ReadOnlySpan<byte> area)
    {
        var properties = new List<ProbeProperty>();
        for (var at = 0; at + HeaderSize <= area.Length;)
        {
            var word = BinaryPrimitives.ReadUInt16LittleEndian(area[at..]);
            if ((word & 0xfff) == 0) break;
            var length = BinaryPrimitives.ReadUInt16LittleEndian(area[(at + 2)..]);
            var value = area[(at + HeaderSize)..];
            properties.Add(new ProbeProperty(at, (ushort)(word & 0xfff), (byte)(word >> 12), length, value[..Math.Min(length, value.Length)].ToArray()));
            at += HeaderSize + length;
        }
        return properties;
    }
}

/// <summary>struct virtio_iommu_probe_resv_mem behind its header (5.13.6.8.1); the range is inclusive.</summary>
public sealed record ReservedRegion(byte Subtype, uint Reserved, ulong Start, ulong End)
{
    /// <summary>Size in bytes without the property header.</summary>
    public const int ValueSize = 20;

    /// <summary>VIRTIO_IOMMU_RESV_MEM_T_RESERVED.</summary>
    public const byte ReservedSubtype = 0;

    /// <summary>VIRTIO_IOMMU_RESV_MEM_T_MSI.</summary>
    public const byte MsiSubtype = 1;

    /// <inheritdoc/>
    public override string ToString() =>
        $"{(Subtype == MsiSubtype ? "MSI" : Subtype == ReservedSubtype ? "RESERVED" : $"subtype {Subtype}")} 0x{Start:x}..0x{End:x}";
}
