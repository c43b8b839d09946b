using System.Buffers.Binary;

namespace Viommu.Guest.Wire;

/// <summary>struct virtio_iommu_config (5.13.4); ranges are inclusive.</summary>
/// <param name="PageSizeMask">All page sizes that can be mapped; the lowest bit set is the granularity.</param>
/// <param name="InputStart">First virtual address that can be translated; means something where INPUT_RANGE is offered.</param>
/// <param name="InputEnd">Last such address.</param>
/// <param name="DomainStart">First domain number; means something where DOMAIN_RANGE is offered.</param>
/// <param name="DomainEnd">Last domain number.</param>
/// <param name="ProbeSize">Size of the properties area of PROBE in bytes; means something where PROBE is offered.</param>
/// <param name="Bypass">The <c>bypass</c> byte as it was read; means something where BYPASS_CONFIG is offered.</param>
public readonly record struct IommuConfig(
    ulong PageSizeMask, ulong InputStart, ulong InputEnd, uint DomainStart, uint DomainEnd, uint ProbeSize, byte Bypass)
{
    /// <summary>Size of the structure in bytes.</summary>
    public const int Size = 40;

    /// <summary>Offset of <c>probe_size</c>.</summary>
    public const int ProbeSizeOffset = 32;

    /// <summary>Offset of <c>bypass</c>, the only field that a driver may write.</summary>
    public const int BypassOffset = 36;

    /// <summary>How many bytes there are of it at least, where a device offers these features (5.13.4).</summary>
    public static uint LengthWith(ulong offered) =>
        (offered & Features.BypassConfig) != 0 ? BypassOffset + 1
        : (offered & Features.Probe) != 0 ? BypassOffset
        : (offered & Features.DomainRange) != 0 ? ProbeSizeOffset
        : (offered & Features.InputRange) != 0 ? 24u : 8u;

    /// <summary>The page granularity in bytes; zero where the mask is empty.</summary>
    public ulong Granule => PageSizeMask & (ulong)-(long)PageSizeMask;

    /// <summary>Decodes <see cref="Size"/> bytes.</summary>
    public static IommuConfig Decode(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt64LittleEndian(bytes),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[24..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[28..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[ProbeSizeOffset..]),
        bytes[BypassOffset]);
}
