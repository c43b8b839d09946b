namespace Viommu.Device.Lifecycle;

/// <summary>The frame of a saved state; README.md in this folder describes it and the sections.</summary>
internal static class StateFormat
{
    public const ushort Version = 1;

    public const int VersionOffset = 4;
    public const int LengthOffset = 8;
    public const int HeaderSize = 12;
    public const int SectionHeaderSize = 8;
    public const int ChecksumSize = 4;

    public static ReadOnlySpan<byte> Magic => "VIOS"u8;

    /// <summary>CRC-32C.</summary>
    public static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes) crc = System.Numerics.BitOperations.Crc32C(crc, value);
        return ~crc;
    }
}
