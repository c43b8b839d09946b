namespace Viommu.Device.Tests.Support;

/// <summary>Saved states that are changed by hand.</summary>
internal static class SavedBytes
{
    /// <summary>Writes the checksum that the bytes before it ask for.</summary>
    public static void Seal(byte[] state) => Bytes.Le32(Crc32C(state[..^4])).CopyTo(state, state.Length - 4);

    // Bit by bit, with the reflected Castagnoli polynomial.
    public static uint Crc32C(byte[] bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) * 0x82f63b78);
        }

        return ~crc;
    }
}
