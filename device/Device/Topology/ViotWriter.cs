using System.Buffers.Binary;

namespace Viommu.Device.Topology;

/// <summary>Puts the nodes of a VIOT one after the other into zeroed bytes, and its header in front.</summary>
internal ref struct ViotWriter(Span<byte> table)
{
    private readonly Span<byte> _table = table;

    /// <summary>Where the next node goes.</summary>
    public int Position { get; private set; } = ViotLayout.HeaderSize;

    public void Iommu(IommuLocation location)
    {
        switch (location)
        {
            case IommuLocation.Pci pci:
                var function = Node(ViotLayout.PciIommu, ViotLayout.PciIommuSize);
                U16(function, ViotLayout.PciIommuSegment, pci.Segment);
                U16(function, ViotLayout.PciIommuBdf, pci.Bdf.Value);
                break;
            case IommuLocation.Mmio mmio:
                U64(Node(ViotLayout.MmioIommu, ViotLayout.MmioIommuSize), ViotLayout.MmioIommuBase, mmio.BaseAddress);
                break;
        }
    }

    public void PciRange(ViotPciRange range, ushort outputNode)
    {
        var node = Node(ViotLayout.PciRange, ViotLayout.PciRangeSize);
        U32(node, ViotLayout.PciEndpointStart, range.FirstEndpoint);
        U16(node, ViotLayout.PciSegmentStart, range.FirstSegment);
        U16(node, ViotLayout.PciSegmentEnd, range.LastSegment);
        U16(node, ViotLayout.PciBdfStart, range.First.Value);
        U16(node, ViotLayout.PciBdfEnd, range.Last.Value);
        U16(node, ViotLayout.PciOutputNode, outputNode);
    }

    public void MmioEndpoint(ViotMmioEndpoint device, ushort outputNode)
    {
        var node = Node(ViotLayout.MmioEndpoint, ViotLayout.MmioEndpointSize);
        U32(node, ViotLayout.MmioEndpointId, device.Endpoint);
        U64(node, ViotLayout.MmioEndpointBase, device.BaseAddress);
        U16(node, ViotLayout.MmioOutputNode, outputNode);
    }

    /// <summary>The header, last: its checksum makes the sum of all bytes 0.</summary>
    public readonly void Header(ushort nodes)
    {
        ViotLayout.SignatureBytes.CopyTo(_table);
        U32(_table, ViotLayout.Length, (uint)_table.Length);
        "VIOMMU"u8.CopyTo(_table[ViotLayout.OemId..]);
        "TOPOLOGY"u8.CopyTo(_table[ViotLayout.OemTableId..]);
        U32(_table, ViotLayout.OemRevision, 1);
        "VIOM"u8.CopyTo(_table[ViotLayout.CreatorId..]);
        U32(_table, ViotLayout.CreatorRevision, 1);
        U16(_table, ViotLayout.NodeCount, nodes);
        U16(_table, ViotLayout.NodeOffset, ViotLayout.HeaderSize);
        byte sum = 0;
        foreach (byte value in _table) sum += value;
        _table[ViotLayout.Checksum] = (byte)-sum;
    }

    private static void U16(Span<byte> node, int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(node[offset..], value);

    private static void U32(Span<byte> node, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(node[offset..], value);

    private static void U64(Span<byte> node, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(node[offset..], value);

    private Span<byte> Node(byte type, int size)
    {
        var node = _table.Slice(Position, size);
        Position += size;
        node[ViotLayout.NodeType] = type;
        U16(node, ViotLayout.NodeLength, (ushort)size);
        return node;
    }
}
