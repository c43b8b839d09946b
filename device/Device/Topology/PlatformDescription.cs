using Viommu.Device.Memory;

namespace Viommu.Device.Topology;

/// <summary>
/// The part of a machine that DMA translation is about: PCI host bridges, the virtio-iommu devices, and which endpoint is managed by
/// which of them. From it come the endpoints of each device (<see cref="IommuDescription.EndpointRanges"/>) and what firmware tells the
/// guest (<see cref="ViotTable"/>, <see cref="DeviceTreeFragment"/>), so that the two cannot disagree.
/// </summary>
public sealed record PlatformDescription
{
    /// <summary>The PCI host bridges.</summary>
    public IReadOnlyList<PciHostBridge> HostBridges { get; init; } = [];

    /// <summary>The virtio-iommu devices.</summary>
    public IReadOnlyList<IommuDescription> Iommus { get; init; } = [];

    private IEnumerable<PciEndpointRange> PciEndpoints => Iommus.SelectMany(iommu => iommu.PciEndpoints);

    private IEnumerable<PlatformEndpoint> PlatformEndpoints => Iommus.SelectMany(iommu => iommu.PlatformEndpoints);

    /// <summary>
    /// Throws unless a machine can be like this. Reserved regions are not looked at: <see cref="Iommu.IommuOptions.Validate"/> does.
    /// </summary>
    /// <exception cref="ArgumentException">Names every problem, one a line.</exception>
    public void Validate()
    {
        string[] problems = [.. BridgeProblems(), .. PciProblems(), .. Iommus.SelectMany(EndpointProblems), .. AddressProblems()];
        if (problems.Length > 0) throw new ArgumentException(string.Join(Environment.NewLine, problems));
    }

    private IEnumerable<string> BridgeProblems()
    {
        foreach (var bridge in HostBridges.Where(bridge => bridge.FirstBus > bridge.LastBus))
            yield return $"{bridge}: the buses end before they start";
        foreach (var bridge in HostBridges.Where(bridge => bridge.MemoryWindow.Last > uint.MaxValue))
            yield return $"{bridge}: the memory window {bridge.MemoryWindow} is not below 4 GiB";
        foreach (var segment in HostBridges.GroupBy(bridge => bridge.Segment))
        {
            foreach (var (a, b) in Overlaps(segment, bridge => bridge.FirstBus, bridge => bridge.LastBus))
                yield return $"{a} and {b} share buses";
        }
    }

    private IEnumerable<string> PciProblems()
    {
        foreach (var range in PciEndpoints)
        {
            if (range.First.Value > range.Last.Value) yield return $"{range} ends before it starts";
            else if (!HostBridges.Any(bridge => bridge.Contains(range.Segment, range.First, range.Last)))
                yield return $"{range} is not behind one host bridge";
            else if (range.LastEndpoint < range.FirstEndpoint)
                yield return $"{range}: endpoint IDs from 0x{range.FirstEndpoint:x} on exceed 32 bits";
        }

        // Each endpoint has one IOMMU, so the ranges are disjoint across all of them.
        foreach (var segment in PciEndpoints.GroupBy(range => range.Segment))
        {
            foreach (var (a, b) in Overlaps(segment, range => range.First.Value, range => range.Last.Value))
                yield return $"{a} and {b} overlap";
        }

        foreach (var iommu in Iommus.Select(iommu => iommu.Location).OfType<IommuLocation.Pci>())
        {
            if (!HostBridges.Any(bridge => bridge.Contains(iommu.Segment, iommu.Bdf, iommu.Bdf)))
                yield return $"{iommu} is behind no host bridge";
            // Its own DMA, to the virtqueues, is not translated.
            foreach (var range in PciEndpoints.Where(range => range.Contains(iommu.Segment, iommu.Bdf)))
                yield return $"{iommu} is an endpoint of {range}";
        }

        foreach (var twice in Iommus.GroupBy(iommu => iommu.Location).Where(group => group.Count() > 1))
            yield return $"{twice.Key} is listed more than once";
    }

    // A range that ends before it starts has no IDs to compare.
    private static IEnumerable<string> EndpointProblems(IommuDescription iommu)
    {
        var sound = iommu with { PciEndpoints = [.. iommu.PciEndpoints.Where(range => range.First.Value <= range.Last.Value)] };
        return Overlaps(sound.EndpointRanges, range => range.First, range => range.Last)
            .Select(pair => $"{iommu.Location}: {pair.First} and {pair.Second} share endpoint IDs");
    }

    private IEnumerable<string> AddressProblems()
    {
        var blocks = Blocks().ToArray();
        foreach (var (name, range) in blocks.Where(block => !block.Range.IsValid)) yield return $"{name}: {range} is no range of addresses";
        foreach (var (a, b) in Overlaps(blocks, block => block.Range.First, block => block.Range.Last))
            yield return $"{a.Name} and {b.Name} share addresses: {a.Range} and {b.Range}";
    }

    private IEnumerable<(string Name, AddressRange Range)> Blocks()
    {
        foreach (var bridge in HostBridges.Where(bridge => bridge.FirstBus <= bridge.LastBus))
        {
            yield return ($"configuration space of {bridge}", Block(bridge.ConfigurationBase, bridge.ConfigurationLength));
            yield return ($"memory window of {bridge}", bridge.MemoryWindow);
        }

        // A slot that is listed twice is named as that.
        foreach (var slot in Iommus.Select(iommu => iommu.Location).OfType<IommuLocation.Mmio>().Distinct())
            yield return (slot.ToString(), Block(slot.BaseAddress, IommuLocation.Mmio.Length));
        foreach (var device in PlatformEndpoints) yield return (device.ToString(), Block(device.BaseAddress, device.Length));
    }

    // An empty block, or one that leaves 64 bits, becomes an invalid range.
    private static AddressRange Block(ulong first, ulong length) =>
        length == 0 ? new(1, 0) : new(first, unchecked(first + (length - 1)));

    /// <summary>Pairs that overlap, found among valid ranges sorted by start.</summary>
    private static IEnumerable<(T First, T Second)> Overlaps<T>(IEnumerable<T> items, Func<T, ulong> first, Func<T, ulong> last)
    {
        using var sorted = items.Where(item => first(item) <= last(item)).OrderBy(first).GetEnumerator();
        if (!sorted.MoveNext()) yield break;
        var furthest = sorted.Current;
        while (sorted.MoveNext())
        {
            if (last(furthest) >= first(sorted.Current)) yield return (furthest, sorted.Current);
            if (last(furthest) < last(sorted.Current)) furthest = sorted.Current;
        }
    }
}
