namespace Viommu.Device.Topology;

/// <summary>
/// Bus, device and function number of a PCI function, as in a requester ID: bus in bits 15 to 8, device in 7 to 3, function in 2 to 0.
/// </summary>
/// <param name="Value">All 16 bits.</param>
public readonly record struct PciBdf(ushort Value)
{
    /// <summary>The bus number.</summary>
    public byte Bus => (byte)(Value >> 8);

    /// <summary>The device number, 0 to 31.</summary>
    public byte Device => (byte)((Value >> 3) & 0x1f);

    /// <summary>The function number, 0 to 7.</summary>
    public byte Function => (byte)(Value & 7);

    /// <summary>Puts the three numbers together.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The device number exceeds 31, or the function number 7.</exception>
    public static PciBdf At(byte bus, byte device, byte function = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(device, 31);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(function, 7);
        return new((ushort)((bus << 8) | (device << 3) | function));
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Bus:x2}:{Device:x2}.{Function:x}";
}
