using System.Buffers.Binary;

namespace Viommu.Conformance.Watching;

/// <summary>A property in the answer to a PROBE (5.13.6.7), read by the watcher itself: the driver's own reading of it is what is judged.</summary>
/// <param name="Type">The 12-bit type.</param>
/// <param name="Reserved">The four bits above it.</param>
/// <param name="Length">The length field.</param>
/// <param name="Value">What follows the header, no longer than the area.</param>
internal sealed record SeenProperty(ushort Type, byte Reserved, ushort Length, byte[] Value)
{
    private const ushort ReservedMemory = 1;
    private const byte Msi = 1;
    private const byte KnownSubtypes = 2;
    private const int RegionSize = 20;

    /// <summary>True where the spec says what it means.</summary>
    public bool IsKnown => Type == ReservedMemory;

    /// <summary>True where it is a region of a subtype that the spec does not name.</summary>
    public bool IsUnknownSubtype => Region is not null && Value[0] >= KnownSubtypes;

    /// <summary>True where it is a region with its three reserved bytes not zero.</summary>
    public bool HasReservedBytes => Region is not null && (Value[1] | Value[2] | Value[3]) != 0;

    /// <summary>True where it is a region, and longer than one has to be.</summary>
    public bool IsLong => Region is not null && Length > RegionSize;

    /// <summary>The region, whether the property is to be ignored or not; null where it is none, or ends before it starts.</summary>
    public ReservedRange? Region
    {
        get
        {
            if (Type != ReservedMemory || Value.Length < RegionSize) return null;
            var start = BinaryPrimitives.ReadUInt64LittleEndian(Value.AsSpan(4));
            var end = BinaryPrimitives.ReadUInt64LittleEndian(Value.AsSpan(12));
            return start <= end ? new ReservedRange(start, end, Value[0] == Msi) : null;
        }
    }

    /// <summary>The properties of an area: until one of type 0 or the end.</summary>
    public static IReadOnlyList<SeenProperty> In(ReadOnlySpan<byte> area)
    {
        var found = new List<SeenProperty>();
        while (area.Length >= 4)
        {
            var word = BinaryPrimitives.ReadUInt16LittleEndian(area);
            var length = BinaryPrimitives.ReadUInt16LittleEndian(area[2..]);
            if ((word & 0xfff) == 0) break;
            var value = area[4..Math.Min(area.Length, 4 + length)];
            found.Add(new((ushort)(word & 0xfff), (byte)(word >> 12), length, value.ToArray()));
            area = area[(4 + value.Length)..];
        }
        return found;
    }

    /// <summary>The regions of an area that a driver has to keep clear (5.13.6.8.1).</summary>
    public static IReadOnlyList<ReservedRange> RegionsIn(ReadOnlySpan<byte> area) =>
        [.. In(area).Where(property => property.Reserved == 0).Select(property => property.Region).OfType<ReservedRange>()];
}
