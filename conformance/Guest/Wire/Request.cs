using System.Buffers.Binary;

namespace Viommu.Guest.Wire;

/// <summary>
/// A request as the driver sends it (5.13.6): the device-readable bytes, and how many device-writable ones follow. Reserved fields
/// are zero unless set; nothing is checked, so that everything wrong can be sent as well.
/// </summary>
public abstract record Request
{
    /// <summary>Size of struct virtio_iommu_req_tail in bytes: status and three reserved bytes.</summary>
    public const int TailSize = 4;

    /// <summary>The 24 reserved bits of struct virtio_iommu_req_head, as bytes 1 to 3 little-endian.</summary>
    public uint HeadReserved { get; init; }

    /// <summary>Length of the device-writable part in bytes.</summary>
    public virtual int WritableLength => TailSize;

    /// <summary>The device-readable part.</summary>
    public abstract byte[] Encode();

    /// <summary>Starts the device-readable part: the head, and room for <paramref name="bodySize"/> bytes behind it.</summary>
    private protected byte[] Head(byte type, int bodySize)
    {
        var bytes = new byte[4 + bodySize];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (HeadReserved << 8) | type);
        return bytes;
    }

    private protected static void Put32(byte[] bytes, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), value);

    private protected static void Put64(byte[] bytes, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at), value);

    private protected string WithReserved(string text, ulong reserved) =>
        text + (reserved == 0 ? "" : $" reserved=0x{reserved:x}") + (HeadReserved == 0 ? "" : $" head.reserved=0x{HeadReserved:x6}");
}

/// <summary>VIRTIO_IOMMU_T_ATTACH (5.13.6.3).</summary>
public sealed record AttachRequest(uint Domain, uint Endpoint) : Request
{
    /// <summary>VIRTIO_IOMMU_ATTACH_F_BYPASS.</summary>
    public const uint BypassFlag = 1;

    /// <summary>The <c>flags</c> field.</summary>
    public uint Flags { get; init; }

    /// <summary>The four reserved bytes.</summary>
    public uint Reserved { get; init; }

    /// <inheritdoc/>
    public override byte[] Encode()
    {
        var bytes = Head(RequestType.Attach, 16);
        Put32(bytes, 4, Domain);
        Put32(bytes, 8, Endpoint);
        Put32(bytes, 12, Flags);
        Put32(bytes, 16, Reserved);
        return bytes;
    }

    /// <inheritdoc/>
    public override string ToString() =>
        WithReserved($"ATTACH domain={Domain} endpoint=0x{Endpoint:x}" + (Flags == 0 ? "" : $" flags=0x{Flags:x}"), Reserved);
}

/// <summary>VIRTIO_IOMMU_T_DETACH (5.13.6.4).</summary>
public sealed record DetachRequest(uint Domain, uint Endpoint) : Request
{
    /// <summary>The eight reserved bytes.</summary>
    public ulong Reserved { get; init; }

    /// <inheritdoc/>
    public override byte[] Encode()
    {
        var bytes = Head(RequestType.Detach, 16);
        Put32(bytes, 4, Domain);
        Put32(bytes, 8, Endpoint);
        Put64(bytes, 12, Reserved);
        return bytes;
    }

    /// <inheritdoc/>
    public override string ToString() => WithReserved($"DETACH domain={Domain} endpoint=0x{Endpoint:x}", Reserved);
}

/// <summary>VIRTIO_IOMMU_T_MAP (5.13.6.5); both virtual addresses are inclusive.</summary>
public sealed record MapRequest(uint Domain, ulong VirtStart, ulong VirtEnd, ulong PhysStart, uint Flags) : Request
{
    /// <inheritdoc/>
    public override byte[] Encode()
    {
        var bytes = Head(RequestType.Map, 32);
        Put32(bytes, 4, Domain);
        Put64(bytes, 8, VirtStart);
        Put64(bytes, 16, VirtEnd);
        Put64(bytes, 24, PhysStart);
        Put32(bytes, 32, Flags);
        return bytes;
    }

    /// <inheritdoc/>
    public override string ToString() =>
        WithReserved($"MAP domain={Domain} virt=0x{VirtStart:x}..0x{VirtEnd:x} phys=0x{PhysStart:x} flags={MapFlags.Describe(Flags)}", 0);
}

/// <summary>VIRTIO_IOMMU_T_UNMAP (5.13.6.6); both virtual addresses are inclusive.</summary>
public sealed record UnmapRequest(uint Domain, ulong VirtStart, ulong VirtEnd) : Request
{
    /// <summary>The four reserved bytes.</summary>
    public uint Reserved { get; init; }

    /// <inheritdoc/>
    public override byte[] Encode()
    {
        var bytes = Head(RequestType.Unmap, 24);
        Put32(bytes, 4, Domain);
        Put64(bytes, 8, VirtStart);
        Put64(bytes, 16, VirtEnd);
        Put32(bytes, 24, Reserved);
        return bytes;
    }

    /// <inheritdoc/>
    public override string ToString() => WithReserved($"UNMAP domain={Domain} virt=0x{VirtStart:x}..0x{VirtEnd:x}", Reserved);
}

/// <summary>VIRTIO_IOMMU_T_PROBE (5.13.6.7).</summary>
/// <param name="Endpoint">The endpoint asked about.</param>
/// <param name="PropertiesSize">Size of the properties area in bytes: <c>probe_size</c>, if the driver obeys.</param>
public sealed record ProbeRequest(uint Endpoint, int PropertiesSize) : Request
{
    /// <summary>Value of each of the 64 reserved bytes.</summary>
    public byte Reserved { get; init; }

    /// <inheritdoc/>
    public override int WritableLength => PropertiesSize + TailSize;

    /// <inheritdoc/>
    public override byte[] Encode()
    {
        var bytes = Head(RequestType.Probe, 68);
        Put32(bytes, 4, Endpoint);
        bytes.AsSpan(8, 64).Fill(Reserved);
        return bytes;
    }

    /// <inheritdoc/>
    public override string ToString() => WithReserved($"PROBE endpoint=0x{Endpoint:x} properties[{PropertiesSize}]", Reserved);
}

/// <summary>Any bytes at all.</summary>
/// <param name="Readable">The device-readable part.</param>
/// <param name="Writable">Length of the device-writable part in bytes.</param>
public sealed record RawRequest(byte[] Readable, int Writable) : Request
{
    /// <inheritdoc/>
    public override int WritableLength => Writable;

    /// <inheritdoc/>
    public override byte[] Encode() => Readable;

    /// <inheritdoc/>
    public override string ToString() => $"RAW {Readable.Length} readable and {Writable} writable bytes";
}
