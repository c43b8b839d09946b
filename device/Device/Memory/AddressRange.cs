namespace Viommu.Device.Memory;

/// <summary>
/// An inclusive range of addresses, as on the wire. The whole 64-bit space is a legal range whose size needs 65 bits, so a size is
/// never computed.
/// </summary>
/// <param name="First">The first address, in bytes.</param>
/// <param name="Last">The last address, in bytes; not below <paramref name="First"/> in a valid range.</param>
public readonly record struct AddressRange(ulong First, ulong Last)
{
    /// <summary>False where <see cref="Last"/> lies below <see cref="First"/>.</summary>
    public bool IsValid => First <= Last;

    /// <summary>True where <paramref name="address"/> is one of the range's addresses.</summary>
    public bool Contains(ulong address) => First <= address && address <= Last;

    /// <summary>True where every address of <paramref name="other"/> is one of this range.</summary>
    public bool Contains(AddressRange other) => First <= other.First && other.Last <= Last;

    /// <summary>True where the two valid ranges share an address.</summary>
    public bool Overlaps(AddressRange other) => First <= other.Last && other.First <= Last;

    /// <inheritdoc/>
    public override string ToString() => $"0x{First:x}..0x{Last:x}";
}
