using System.Buffers.Binary;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching;

/// <summary>A request as a device finds it (5.13.6). Fields that the source does not show are null.</summary>
public abstract record SentRequest
{
    // Sizes of the device-readable parts: struct virtio_iommu_req_head (4) and what follows it up to the tail.
    private const int AttachSize = 20;
    private const int DetachSize = 20;
    private const int MapSize = 36;
    private const int UnmapSize = 28;
    private const int ProbeSize = 72;

    private SentRequest()
    {
    }

    /// <summary>The 24 reserved bits of the head.</summary>
    public uint? HeadReserved { get; init; }

    /// <summary>Bytes lent for the answer.</summary>
    public ulong? WritableLength { get; init; }

    /// <summary>The domain that it names; null where its kind names none.</summary>
    public virtual uint? NamedDomain => null;

    /// <summary>The virtual range that it names; null where its kind names none.</summary>
    public virtual (ulong Start, ulong End)? Range => null;

    /// <summary>Decodes the device-readable bytes of a chain; a request that is too short for its type, or of an unknown one, is <see cref="Other"/>.</summary>
    public static SentRequest Decode(ReadOnlySpan<byte> bytes, ulong? writable)
    {
        if (bytes.Length < 4) return new Other(null, bytes.Length) { WritableLength = writable };
        SentRequest request = (bytes[0], bytes.Length) switch
        {
            (RequestType.Attach, >= AttachSize) => new Attach(U32(bytes, 4), U32(bytes, 8), U32(bytes, 12), U32(bytes, 16)),
            (RequestType.Detach, >= DetachSize) => new Detach(U32(bytes, 4), U32(bytes, 8), U64(bytes, 12)),
            (RequestType.Map, >= MapSize) => new Map(U32(bytes, 4), U64(bytes, 8), U64(bytes, 16), U64(bytes, 24), U32(bytes, 32)),
            (RequestType.Unmap, >= UnmapSize) => new Unmap(U32(bytes, 4), U64(bytes, 8), U64(bytes, 16), U32(bytes, 24)),
            (RequestType.Probe, >= ProbeSize) => new Probe(U32(bytes, 4), bytes[8..ProbeSize].IndexOfAnyExcept((byte)0) < 0),
            _ => new Other(bytes[0], bytes.Length),
        };
        return request with { HeadReserved = U32(bytes, 0) >> 8, WritableLength = writable };
    }

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);

    private static string Extra(string name, ulong? value) => value is null or 0 ? "" : $" {name}=0x{value:x}";

    /// <summary>VIRTIO_IOMMU_T_ATTACH.</summary>
    public sealed record Attach(uint Domain, uint Endpoint, uint? Flags, uint? Reserved) : SentRequest
    {
        /// <inheritdoc/>
        public override uint? NamedDomain => Domain;

        /// <summary>F_BYPASS is set; null where flags are not shown.</summary>
        public bool? IsBypass => Flags is { } flags ? (flags & AttachRequest.BypassFlag) != 0 : null;

        /// <inheritdoc/>
        public override string ToString() => $"ATTACH domain={Domain} endpoint=0x{Endpoint:x}{Extra("flags", Flags)}{Extra("reserved", Reserved)}{Extra("head.reserved", HeadReserved)}";
    }

    /// <summary>VIRTIO_IOMMU_T_DETACH.</summary>
    public sealed record Detach(uint Domain, uint Endpoint, ulong? Reserved) : SentRequest
    {
        /// <inheritdoc/>
        public override uint? NamedDomain => Domain;

        /// <inheritdoc/>
        public override string ToString() => $"DETACH domain={Domain} endpoint=0x{Endpoint:x}{Extra("reserved", Reserved)}{Extra("head.reserved", HeadReserved)}";
    }

    /// <summary>VIRTIO_IOMMU_T_MAP; both virtual addresses are inclusive.</summary>
    public sealed record Map(uint Domain, ulong VirtStart, ulong VirtEnd, ulong PhysStart, uint Flags) : SentRequest
    {
        /// <inheritdoc/>
        public override uint? NamedDomain => Domain;

        /// <inheritdoc/>
        public override (ulong Start, ulong End)? Range => (VirtStart, VirtEnd);

        /// <inheritdoc/>
        public override string ToString() =>
            $"MAP domain={Domain} virt=0x{VirtStart:x}..0x{VirtEnd:x} phys=0x{PhysStart:x} flags=0x{Flags:x}{Extra("head.reserved", HeadReserved)}";
    }

    /// <summary>VIRTIO_IOMMU_T_UNMAP; both virtual addresses are inclusive.</summary>
    public sealed record Unmap(uint Domain, ulong VirtStart, ulong VirtEnd, uint? Reserved) : SentRequest
    {
        /// <inheritdoc/>
        public override uint? NamedDomain => Domain;

        /// <inheritdoc/>
        public override (ulong Start, ulong End)? Range => (VirtStart, VirtEnd);

        /// <inheritdoc/>
        public override string ToString() => $"UNMAP domain={Domain} virt=0x{VirtStart:x}..0x{VirtEnd:x}{Extra("reserved", Reserved)}{Extra("head.reserved", HeadReserved)}";
    }

    /// <summary>VIRTIO_IOMMU_T_PROBE.</summary>
    public sealed record Probe(uint Endpoint, bool? IsReservedZero) : SentRequest
    {
        /// <inheritdoc/>
        public override string ToString() =>
            $"PROBE endpoint=0x{Endpoint:x}{(IsReservedZero == false ? " reserved not zero" : "")}{Extra("head.reserved", HeadReserved)}";
    }

    /// <summary>Anything else.</summary>
    public sealed record Other(byte? Type, int Length) : SentRequest
    {
        /// <inheritdoc/>
        public override string ToString() => Type is { } type ? $"request type 0x{type:x2} of {Length} bytes" : $"a request of {Length} bytes, which is no head";
    }
}

/// <summary>What became of a request.</summary>
/// <param name="Status">The status; null where the used length does not reach the tail, or the source does not show it.</param>
/// <param name="UsedLength">The used length; null where the source does not show it.</param>
/// <param name="Reply">The device-writable bytes; empty where the source does not show them.</param>
public sealed record Outcome(RequestStatus? Status, uint? UsedLength, byte[] Reply)
{
    /// <summary>The source shows fields only: the device is taken to have done what it was asked for.</summary>
    public static Outcome NotShown { get; } = new(null, null, []);

    /// <summary>True where the device did what it was asked for, as far as it is known.</summary>
    public bool IsOk => Status == RequestStatus.Ok || this == NotShown;

    /// <inheritdoc/>
    public bool Equals(Outcome? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);

    /// <inheritdoc/>
    public override string ToString() => UsedLength is null ? "answer not shown" : $"{Status?.Name() ?? "no status"}, used length {UsedLength}";
}
