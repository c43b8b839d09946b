namespace Viommu.Device.Wire;

/// <summary>struct virtio_iommu_config (section 5.13.4).</summary>
internal readonly record struct IommuConfig(
    ulong PageSizeMask, ulong InputStart, ulong InputEnd, uint DomainStart, uint DomainEnd, uint ProbeSize, byte Bypass)
{
    public const int Size = 8 + 16 + 8 + 4 + 1 + 3;

    /// <summary>Offset of <c>bypass</c>, the only field that a driver may write.</summary>
    public const int BypassOffset = 36;

    public void Encode(Span<byte> into)
    {
        var writer = new WireWriter(into);
        writer.U64(PageSizeMask);
        writer.U64(InputStart);
        writer.U64(InputEnd);
        writer.U32(DomainStart);
        writer.U32(DomainEnd);
        writer.U32(ProbeSize);
        writer.U8(Bypass);
        writer.Zeroes(3);
    }
}
