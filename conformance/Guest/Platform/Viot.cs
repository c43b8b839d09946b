using System.Buffers.Binary;
using Viommu.Guest.Pci;
using Viommu.Guest.Targets;

namespace Viommu.Guest.Platform;

/// <summary>
/// What firmware tells the guest of the endpoints behind one virtio-iommu: the ACPI Virtual I/O Translation Table (ACPI 6.4, section
/// 5.2.34), read as a guest does. Nodes of other IOMMUs are left out, and so is what later versions of the table may add.
/// </summary>
/// <param name="Endpoints">The endpoint IDs that the table gives out, as inclusive ranges in the table's order.</param>
public sealed record Viot(IReadOnlyList<DescribedEndpoints> Endpoints)
{
    private const int NodeCountOffset = 36;
    private const int NodesOffset = 38;
    private const int HeaderSize = 48;

    private const byte PciRangeNode = 1;
    private const byte MmioEndpointNode = 2;
    private const byte PciIommuNode = 3;
    private const byte MmioIommuNode = 4;

    private const int EndpointNodeSize = 24;
    private const int IommuNodeSize = 16;

    /// <summary>What a target's firmware tells of the virtio-iommu under test; null where it tells nothing.</summary>
    /// <exception cref="GuestSetupException">The table cannot be read, or does not know that virtio-iommu.</exception>
    public static Viot? Of(ITarget target)
    {
        if (target.ReadViot() is not { } table) return null;
        return target.Iommu switch
        {
            DeviceLocation.MmioSlot slot => Read(table, pci: null, slot.Address),
            DeviceLocation.TransitionalPciFunction => Read(table, PciBus.FindTransitionalIommu(target).Address, mmio: null),
            _ => Read(table, PciBus.FindIommu(target).Address, mmio: null),
        };
    }

    /// <summary>Reads a table for the virtio-iommu at <paramref name="pci"/>, or at <paramref name="mmio"/> where that is given instead.</summary>
    /// <exception cref="GuestSetupException">It is no table that a guest could read, or does not know that virtio-iommu.</exception>
    public static Viot Read(ReadOnlySpan<byte> table, PciAddress? pci, ulong? mmio)
    {
        if (table.Length < HeaderSize || !table.StartsWith("VIOT"u8)) throw Unreadable("it does not begin as one");
        if (U32(table, 4) != (uint)table.Length) throw Unreadable($"it says that it is {U32(table, 4)} bytes long, and is {table.Length}");

        var (own, endpointNodes) = (-1, new List<int>());
        var offset = (int)U16(table, NodesOffset);
        for (var left = U16(table, NodeCountOffset); left > 0; left--)
        {
            var node = NodeAt(table, offset);
            if (node[0] is PciRangeNode or MmioEndpointNode) endpointNodes.Add(offset);
            else if (IsOwn(node, pci, mmio)) own = offset;
            offset += node.Length;
        }

        if (own < 0) throw new GuestSetupException("the VIOT does not have the virtio-iommu under test");
        var endpoints = new List<DescribedEndpoints>();
        foreach (var at in endpointNodes)
        {
            var node = NodeAt(table, at);
            if (U16(node, 16) == own) endpoints.AddRange(node[0] == PciRangeNode ? PciRange(node) : [new(U32(node, 4), U32(node, 4))]);
        }
        return new Viot(endpoints);
    }

    /// <summary>True where the table gives the ID out.</summary>
    public bool Describes(uint endpoint) => Endpoints.Any(range => range.First <= endpoint && endpoint <= range.Last);

    private static ReadOnlySpan<byte> NodeAt(ReadOnlySpan<byte> table, int offset)
    {
        if (offset < HeaderSize || offset > table.Length - 4) throw Unreadable($"a node is said to be at offset {offset}");
        int length = U16(table, offset + 2);
        var needed = table[offset] is PciRangeNode or MmioEndpointNode ? EndpointNodeSize : IommuNodeSize;
        if (length < needed || length > table.Length - offset) throw Unreadable($"the node at offset {offset} is said to be {length} bytes long");
        return table.Slice(offset, length);
    }

    private static bool IsOwn(ReadOnlySpan<byte> node, PciAddress? pci, ulong? mmio) => node[0] switch
    {
        PciIommuNode => pci is { } function && U16(node, 4) == 0 && U16(node, 6) == function.RequesterId,
        MmioIommuNode => mmio is { } address && BinaryPrimitives.ReadUInt64LittleEndian(node[8..]) == address,
        _ => false,
    };

    /// <summary>Endpoint IDs count functions, and 2^16 for each segment above the first.</summary>
    private static List<DescribedEndpoints> PciRange(ReadOnlySpan<byte> node)
    {
        var (firstEndpoint, firstSegment, lastSegment) = (U32(node, 4), U16(node, 8), U16(node, 10));
        var functions = (uint)(U16(node, 14) - U16(node, 12));
        var ranges = new List<DescribedEndpoints>();
        for (uint segment = 0; segment <= (uint)(lastSegment - firstSegment) && lastSegment >= firstSegment; segment++)
        {
            var first = unchecked(firstEndpoint + (segment << 16));
            ranges.Add(new(first, unchecked(first + functions)));
        }
        return ranges;
    }

    private static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static GuestSetupException Unreadable(string why) => new($"the machine's VIOT cannot be read: {why}");
}

/// <summary>An inclusive range of endpoint IDs that firmware gives out.</summary>
public readonly record struct DescribedEndpoints(uint First, uint Last)
{
    /// <inheritdoc/>
    public override string ToString() => First == Last ? $"0x{First:x}" : $"0x{First:x}..0x{Last:x}";
}
