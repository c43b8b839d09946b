using System.Buffers.Binary;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching;

/// <summary>struct virtio_iommu_config (5.13.4) as far as the driver has read it; a field that it has not read whole is null.</summary>
public sealed class ConfigHistory
{
    private readonly byte[] bytes = new byte[IommuConfig.Size];
    private readonly bool[] known = new bool[IommuConfig.Size];

    /// <summary><c>page_size_mask</c>.</summary>
    public ulong? PageSizeMask => U64(0);

    /// <summary><c>input_range</c>, inclusive.</summary>
    public (ulong Start, ulong End)? InputRange => U64(8) is { } start && U64(16) is { } end ? (start, end) : null;

    /// <summary><c>domain_range</c>, inclusive.</summary>
    public (uint Start, uint End)? DomainRange => U32(24) is { } start && U32(28) is { } end ? (start, end) : null;

    /// <summary><c>probe_size</c>.</summary>
    public uint? ProbeSize => U32(IommuConfig.ProbeSizeOffset);

    /// <summary><c>bypass</c>, with whatever is in its upper bits.</summary>
    public byte? Bypass => known[IommuConfig.BypassOffset] ? bytes[IommuConfig.BypassOffset] : null;

    internal void Forget() => Array.Clear(known);

    internal void Take(IommuConfig config)
    {
        Put(0, 8, config.PageSizeMask);
        Put(8, 8, config.InputStart);
        Put(16, 8, config.InputEnd);
        Put(24, 4, config.DomainStart);
        Put(28, 4, config.DomainEnd);
        Put(IommuConfig.ProbeSizeOffset, 4, config.ProbeSize);
        Put(IommuConfig.BypassOffset, 1, config.Bypass);
    }

    internal void Take(ConfigRead read) => Put(read.Offset, read.Width, read.Value);

    internal void Take(ConfigWritten written)
    {
        // What the device makes of a write shows when it is read again.
        for (var i = written.Offset; i < (ulong)written.Offset + (uint)written.Width && i < IommuConfig.Size; i++) known[i] = false;
    }

    private void Put(uint offset, int width, ulong value)
    {
        for (var i = 0; i < width && (ulong)offset + (uint)i < IommuConfig.Size; i++)
        {
            bytes[offset + i] = (byte)(value >> 8 * i);
            known[offset + i] = true;
        }
    }

    private ulong? U64(int at) => Array.TrueForAll(known[at..(at + 8)], k => k) ? BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at)) : null;

    private uint? U32(int at) => Array.TrueForAll(known[at..(at + 4)], k => k) ? BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at)) : null;
}
