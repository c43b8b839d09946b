using System.Buffers.Binary;

namespace Viommu.Device.Wire;

/// <summary>struct pvirtq_desc (section 2.8.13): anything a guest can write, nothing checked.</summary>
internal readonly record struct RawPackedDescriptor(ulong Address, uint Length, ushort BufferId, DescriptorFlags Flags)
{
    public const int Size = 8 + 4 + 2 + 2;
    public const int UsedPartOffset = 8;
    public const int FlagsOffset = 8 + 4 + 2;

    public bool HasNext => (Flags & DescriptorFlags.Next) != 0;

    public bool IsWritable => (Flags & DescriptorFlags.Write) != 0;

    public bool IsIndirect => (Flags & DescriptorFlags.Indirect) != 0;

    /// <summary>Decodes the bytes in front of <c>flags</c>, which were read before them.</summary>
    public static RawPackedDescriptor Decode(ReadOnlySpan<byte> bytes, DescriptorFlags flags)
    {
        var reader = new WireReader(bytes);
        return new(reader.U64(), reader.U32(), reader.U16(), flags);
    }

    public static RawPackedDescriptor Decode(ReadOnlySpan<byte> bytes) =>
        Decode(bytes, (DescriptorFlags)BinaryPrimitives.ReadUInt16LittleEndian(bytes[FlagsOffset..]));

    /// <summary>The part of a used descriptor that is written: <c>len</c>, <c>id</c> and <c>flags</c>. <c>addr</c> is unused.</summary>
    public static ulong UsedPart(uint length, ushort bufferId, DescriptorFlags flags) =>
        length | ((ulong)bufferId << 32) | ((ulong)flags << 48);
}

/// <summary>struct pvirtq_event_suppress (section 2.8.14): <c>desc</c>, then <c>flags</c>, two bytes each.</summary>
internal static class EventSuppression
{
    public const int Size = 2 + 2;

    /// <summary>RING_EVENT_FLAGS_ENABLE.</summary>
    public const ushort Enable = 0;

    /// <summary>RING_EVENT_FLAGS_DISABLE.</summary>
    public const ushort Disable = 1;

    /// <summary>RING_EVENT_FLAGS_DESC.</summary>
    public const ushort Descriptor = 2;

    /// <summary>The bits of <c>flags</c> that are not reserved.</summary>
    public const ushort FlagsMask = 3;

    /// <summary>desc_event_wrap in <c>desc</c>, and next_wrap in the ring position of a notification (section 2.9).</summary>
    public const ushort Wrap = 0x8000;
}
