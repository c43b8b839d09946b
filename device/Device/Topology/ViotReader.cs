using System.Buffers.Binary;

namespace Viommu.Device.Topology;

/// <summary>
/// Reads an ACPI Virtual I/O Translation Table that anybody may have written. Nodes may be longer than this version of the table knows,
/// reserved fields and the revision are not looked at, and the work is linear in the number of bytes.
/// </summary>
public static class ViotReader
{
    /// <summary>Takes a table apart.</summary>
    /// <param name="bytes">The whole table and nothing else.</param>
    /// <param name="table">What it says; empty where it is faulty.</param>
    /// <param name="error">The first fault found.</param>
    /// <returns>False where the table is faulty.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out ViotTable table, out ViotError error)
    {
        table = new([], [], []);
        error = CheckHeader(bytes);
        if (error.Fault != ViotFault.None) return false;

        error = FindNodes(bytes, out var nodes);
        if (error.Fault != ViotFault.None) return false;

        var iommus = new Dictionary<int, IommuLocation>();
        foreach (int offset in nodes)
        {
            if (ReadIommu(bytes[offset..]) is { } iommu) iommus[offset] = iommu;
        }

        var ranges = new List<ViotPciRange>();
        var devices = new List<ViotMmioEndpoint>();
        foreach (int offset in nodes.Where(offset => !iommus.ContainsKey(offset)))
        {
            var node = bytes[offset..];
            // Both kinds of endpoint node have it at the same place.
            if (!iommus.TryGetValue(U16(node, ViotLayout.PciOutputNode), out var iommu))
            {
                error = new(ViotFault.OutputNode, offset + ViotLayout.PciOutputNode);
                return false;
            }

            if (node[ViotLayout.NodeType] == ViotLayout.MmioEndpoint)
            {
                devices.Add(new(U64(node, ViotLayout.MmioEndpointBase), U32(node, ViotLayout.MmioEndpointId), iommu));
                continue;
            }

            var fault = ReadRange(node, iommu, out var range);
            if (fault != ViotFault.None)
            {
                error = new(fault, offset);
                return false;
            }

            ranges.Add(range);
        }

        table = new([.. iommus.OrderBy(iommu => iommu.Key).Select(iommu => iommu.Value)], ranges, devices);
        return true;
    }

    private static ViotError CheckHeader(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < ViotLayout.HeaderSize) return new(ViotFault.TooShort, bytes.Length);
        if (!bytes.StartsWith(ViotLayout.SignatureBytes)) return new(ViotFault.Signature, ViotLayout.Signature);
        if (U32(bytes, ViotLayout.Length) != (uint)bytes.Length) return new(ViotFault.Length, ViotLayout.Length);
        byte sum = 0;
        foreach (byte value in bytes) sum += value;
        return sum == 0 ? default : new(ViotFault.Checksum, ViotLayout.Checksum);
    }

    /// <summary>Finds where the nodes begin, each of a known type and as long as that type.</summary>
    private static ViotError FindNodes(ReadOnlySpan<byte> bytes, out List<int> nodes)
    {
        nodes = [];
        int offset = U16(bytes, ViotLayout.NodeOffset);
        if (offset < ViotLayout.HeaderSize) return new(ViotFault.NodeOffset, ViotLayout.NodeOffset);
        for (int left = U16(bytes, ViotLayout.NodeCount); left > 0; left--)
        {
            if (offset > bytes.Length - ViotLayout.NodeHeaderSize) return new(ViotFault.NodeOffset, offset);
            int needed = SizeOf(bytes[offset]);
            if (needed == 0) return new(ViotFault.NodeType, offset);
            int length = U16(bytes, offset + ViotLayout.NodeLength);
            if (length < needed || length > bytes.Length - offset) return new(ViotFault.NodeLength, offset);
            nodes.Add(offset);
            offset += length;
        }

        return default;
    }

    private static int SizeOf(byte type) => type switch
    {
        ViotLayout.PciRange => ViotLayout.PciRangeSize,
        ViotLayout.MmioEndpoint => ViotLayout.MmioEndpointSize,
        ViotLayout.PciIommu => ViotLayout.PciIommuSize,
        ViotLayout.MmioIommu => ViotLayout.MmioIommuSize,
        _ => 0,
    };

    private static IommuLocation? ReadIommu(ReadOnlySpan<byte> node) => node[ViotLayout.NodeType] switch
    {
        ViotLayout.PciIommu => new IommuLocation.Pci(U16(node, ViotLayout.PciIommuSegment), new(U16(node, ViotLayout.PciIommuBdf))),
        ViotLayout.MmioIommu => new IommuLocation.Mmio(U64(node, ViotLayout.MmioIommuBase)),
        _ => null,
    };

    private static ViotFault ReadRange(ReadOnlySpan<byte> node, IommuLocation iommu, out ViotPciRange range)
    {
        range = new(
            U16(node, ViotLayout.PciSegmentStart),
            U16(node, ViotLayout.PciSegmentEnd),
            new(U16(node, ViotLayout.PciBdfStart)),
            new(U16(node, ViotLayout.PciBdfEnd)),
            U32(node, ViotLayout.PciEndpointStart),
            iommu);
        if (range.FirstSegment > range.LastSegment || range.First.Value > range.Last.Value) return ViotFault.Inverted;
        uint span = ((uint)(range.LastSegment - range.FirstSegment) << 16) + (uint)(range.Last.Value - range.First.Value);
        return range.FirstEndpoint > uint.MaxValue - span ? ViotFault.EndpointOverflow : ViotFault.None;
    }

    private static ushort U16(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);
}
