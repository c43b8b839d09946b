namespace Viommu.Device.Topology;

/// <summary>
/// What an ACPI Virtual I/O Translation Table says (ACPI 6.4, section 5.2.34): the virtio-iommu devices, and the endpoints behind them.
/// <see cref="ViotReader"/> makes one of a guest's table.
/// </summary>
/// <param name="Iommus">The virtio-iommu devices.</param>
/// <param name="PciRanges">The PCI functions that they manage.</param>
/// <param name="MmioEndpoints">The platform devices that they manage.</param>
public sealed record ViotTable(
    IReadOnlyList<IommuLocation> Iommus, IReadOnlyList<ViotPciRange> PciRanges, IReadOnlyList<ViotMmioEndpoint> MmioEndpoints)
{
    /// <summary>The table for a machine.</summary>
    /// <exception cref="ArgumentException"><paramref name="platform"/> is not valid.</exception>
    public static ViotTable Describe(PlatformDescription platform)
    {
        ArgumentNullException.ThrowIfNull(platform);
        platform.Validate();
        return new(
            [.. platform.Iommus.Select(iommu => iommu.Location)],
            [.. platform.Iommus.SelectMany(iommu => iommu.PciEndpoints.Select(range =>
                new ViotPciRange(range.Segment, range.Segment, range.First, range.Last, range.FirstEndpoint, iommu.Location)))],
            [.. platform.Iommus.SelectMany(iommu => iommu.PlatformEndpoints.Select(device =>
                new ViotMmioEndpoint(device.BaseAddress, device.Endpoint, iommu.Location)))]);
    }

    /// <summary>The endpoint IDs that a virtio-iommu is described to manage; none where it is not in the table.</summary>
    public IEnumerable<EndpointIdRange> EndpointsOf(IommuLocation iommu) =>
    [
        .. PciRanges.Where(range => range.Iommu == iommu).SelectMany(range => range.EndpointIds),
        .. MmioEndpoints.Where(device => device.Iommu == iommu).Select(device => new EndpointIdRange(device.Endpoint, device.Endpoint)),
    ];

    /// <summary>The table as it lies in memory: the nodes of the IOMMUs first, since the others refer to them by a 16-bit offset.</summary>
    /// <exception cref="InvalidOperationException">
    /// There are more nodes than the table can count or more IOMMUs than it can refer to, or an endpoint's IOMMU is not in the table.
    /// </exception>
    public byte[] Encode()
    {
        int nodes = Iommus.Count + PciRanges.Count + MmioEndpoints.Count;
        if (nodes > ushort.MaxValue) throw new InvalidOperationException($"a VIOT has no more than {ushort.MaxValue} nodes, not {nodes}");
        var bytes = new byte[ViotLayout.HeaderSize + Iommus.Sum(SizeOf)
            + (PciRanges.Count * ViotLayout.PciRangeSize) + (MmioEndpoints.Count * ViotLayout.MmioEndpointSize)];
        var writer = new ViotWriter(bytes);
        var offsets = new Dictionary<IommuLocation, ushort>();
        foreach (var iommu in Iommus)
        {
            if (writer.Position > ushort.MaxValue) throw new InvalidOperationException($"{iommu} is out of reach of a 16-bit node offset");
            offsets[iommu] = (ushort)writer.Position;
            writer.Iommu(iommu);
        }

        foreach (var range in PciRanges) writer.PciRange(range, OffsetOf(range.Iommu));
        foreach (var device in MmioEndpoints) writer.MmioEndpoint(device, OffsetOf(device.Iommu));
        writer.Header((ushort)nodes);
        return bytes;

        ushort OffsetOf(IommuLocation iommu) =>
            offsets.TryGetValue(iommu, out ushort offset) ? offset : throw new InvalidOperationException($"{iommu} is not in the table");
    }

    private static int SizeOf(IommuLocation iommu) =>
        iommu is IommuLocation.Pci ? ViotLayout.PciIommuSize : ViotLayout.MmioIommuSize;
}

/// <summary>
/// A PCI range node. The endpoint ID of a function is <c>FirstEndpoint</c> plus 2^16 for each segment, plus one for each function, that it
/// lies above the first.
/// </summary>
/// <param name="FirstSegment">The first PCI segment.</param>
/// <param name="LastSegment">The last PCI segment, inclusive.</param>
/// <param name="First">The first function of each segment.</param>
/// <param name="Last">The last function of each segment, inclusive.</param>
/// <param name="FirstEndpoint">The endpoint ID of the first function of the first segment.</param>
/// <param name="Iommu">The output node.</param>
public sealed record ViotPciRange(
    ushort FirstSegment, ushort LastSegment, PciBdf First, PciBdf Last, uint FirstEndpoint, IommuLocation Iommu)
{
    /// <summary>The endpoint IDs, one range for each segment.</summary>
    public IEnumerable<EndpointIdRange> EndpointIds
    {
        get
        {
            for (uint segment = 0; segment <= (uint)(LastSegment - FirstSegment); segment++)
            {
                uint first = FirstEndpoint + (segment << 16);
                yield return new(first, first + Last.Value - First.Value);
            }
        }
    }
}

/// <summary>An MMIO endpoint node.</summary>
/// <param name="BaseAddress">The device's first register.</param>
/// <param name="Endpoint">Its endpoint ID.</param>
/// <param name="Iommu">The output node.</param>
public sealed record ViotMmioEndpoint(ulong BaseAddress, uint Endpoint, IommuLocation Iommu);

/// <summary>An inclusive range of endpoint IDs.</summary>
/// <param name="First">The first ID.</param>
/// <param name="Last">The last ID.</param>
public readonly record struct EndpointIdRange(uint First, uint Last);
