namespace Viommu.Device.Wire;

/// <summary>struct virtio_iommu_probe_resv_mem with its property header (section 5.13.6.8).</summary>
internal readonly record struct ReservedMemoryProperty(byte Subtype, ulong Start, ulong End)
{
    /// <summary>VIRTIO_IOMMU_PROBE_T_RESV_MEM.</summary>
    public const ushort Type = 1;

    public const int HeaderSize = 2 + 2;

    /// <summary>What the header's length counts: the value without the header (IOMMU-PROBE-D-06).</summary>
    public const int ValueSize = 1 + 3 + 8 + 8;

    public const int Size = HeaderSize + ValueSize;

    public void Encode(Span<byte> into)
    {
        var writer = new WireWriter(into);
        writer.U16(Type);
        writer.U16(ValueSize);
        writer.U8(Subtype);
        writer.Zeroes(3);
        writer.U64(Start);
        writer.U64(End);
    }
}
