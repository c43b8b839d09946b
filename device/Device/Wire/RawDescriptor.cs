using static System.Buffers.Binary.BinaryPrimitives;

namespace Viommu.Device.Wire;

/// <summary>struct virtq_desc (section 2.7.5): anything a guest can write, nothing checked.</summary>
internal readonly record struct RawDescriptor(ulong Address, uint Length, DescriptorFlags Flags, ushort Next)
{
    public const int Size = 8 + 4 + 2 + 2;

    public bool HasNext => (Flags & DescriptorFlags.Next) != 0;

    public bool IsWritable => (Flags & DescriptorFlags.Write) != 0;

    public bool IsIndirect => (Flags & DescriptorFlags.Indirect) != 0;

    public static RawDescriptor Decode(ReadOnlySpan<byte> bytes) =>
        new(ReadUInt64LittleEndian(bytes), ReadUInt32LittleEndian(bytes[8..]), (DescriptorFlags)ReadUInt16LittleEndian(bytes[12..]), ReadUInt16LittleEndian(bytes[14..]));
}

/// <summary>VIRTQ_DESC_F_*; the last two are of the packed ring.</summary>
[Flags]
internal enum DescriptorFlags : ushort
{
    None = 0,
    Next = 1,
    Write = 2,
    Indirect = 4,
    Available = 1 << 7,
    Used = 1 << 15,
}
