using System.Globalization;
using System.Text;

namespace Viommu.Device.Topology;

/// <summary>
/// The device-tree source for a machine's virtio-iommu devices, host bridges and platform endpoints: what relates DMA masters to IOMMUs
/// (<c>#iommu-cells</c>, <c>iommus</c>, <c>iommu-map</c>). A machine merges it with the nodes of the same path that hold the rest, such as
/// interrupts.
/// </summary>
/// <remarks>
/// A virtio-iommu on PCI is a child of its host bridge's node although PCI is probed, since masters have to refer to it.
/// </remarks>
public static class DeviceTreeFragment
{
    /// <summary>Writes the source text, with lines that end in a line feed.</summary>
    /// <exception cref="ArgumentException">
    /// <paramref name="platform"/> is not valid, or a virtio-iommu is not on the first bus of its host bridge, where alone its node can be.
    /// </exception>
    public static string Write(PlatformDescription platform)
    {
        ArgumentNullException.ThrowIfNull(platform);
        platform.Validate();
        var problems = platform.Iommus.Select(iommu => iommu.Location).OfType<IommuLocation.Pci>()
            .Where(iommu => platform.HostBridges.All(bridge => !IsRightBehind(bridge, iommu)))
            .Select(iommu => $"{iommu} is not on the first bus of its host bridge")
            .ToArray();
        if (problems.Length > 0) throw new ArgumentException(string.Join(Environment.NewLine, problems));

        var text = new StringBuilder();
        text.Append("/dts-v1/;\n\n/ {\n\t#address-cells = <2>;\n\t#size-cells = <2>;\n");
        foreach (var bridge in platform.HostBridges) WriteBridge(text, platform, bridge);
        for (int i = 0; i < platform.Iommus.Count; i++)
        {
            if (platform.Iommus[i].Location is IommuLocation.Mmio slot) WriteSlot(text, slot, i);
            foreach (var device in platform.Iommus[i].PlatformEndpoints) WriteDevice(text, device, i);
        }

        return text.Append("};\n").ToString();
    }

    private static bool IsRightBehind(PciHostBridge bridge, IommuLocation.Pci iommu) =>
        iommu.Segment == bridge.Segment && iommu.Bdf.Bus == bridge.FirstBus;

    private static void WriteBridge(StringBuilder text, PlatformDescription platform, PciHostBridge bridge)
    {
        ulong window = bridge.MemoryWindow.First;
        ulong windowLength = bridge.MemoryWindow.Last - window + 1;
        Line(text, $"");
        Line(text, $"\tpcie@{bridge.ConfigurationBase:x} {{");
        Line(text, $"\t\tcompatible = \"pci-host-ecam-generic\";");
        Line(text, $"\t\tdevice_type = \"pci\";");
        Line(text, $"\t\treg = <{Cells(bridge.ConfigurationBase)} {Cells(bridge.ConfigurationLength)}>;");
        Line(text, $"\t\tbus-range = <{bridge.FirstBus:d} {bridge.LastBus:d}>;");
        Line(text, $"\t\tlinux,pci-domain = <{bridge.Segment:d}>;");
        Line(text, $"\t\t#address-cells = <3>;");
        Line(text, $"\t\t#size-cells = <2>;");
        // phys.hi says 32-bit memory space, not prefetchable.
        Line(text, $"\t\tranges = <0x2000000 {Cells(window)} {Cells(window)} {Cells(windowLength)}>;");
        WriteMap(text, platform, bridge);
        for (int i = 0; i < platform.Iommus.Count; i++)
        {
            if (platform.Iommus[i].Location is IommuLocation.Pci function && IsRightBehind(bridge, function))
                WriteFunction(text, function.Bdf, i);
        }

        Line(text, $"\t}};");
    }

    // Each entry: first requester ID, IOMMU, endpoint ID of that function, number of functions.
    private static void WriteMap(StringBuilder text, PlatformDescription platform, PciHostBridge bridge)
    {
        string[] entries =
        [
            .. platform.Iommus.SelectMany((iommu, i) => iommu.PciEndpoints
                .Where(range => bridge.Contains(range.Segment, range.First, range.Last))
                .Select(range => MapEntry(range, i))),
        ];
        if (entries.Length > 0) Line(text, $"\t\tiommu-map = {string.Join(", ", entries)};");
    }

    private static string MapEntry(PciEndpointRange range, int index)
    {
        int count = range.Last.Value - range.First.Value + 1;
        return Text($"<0x{range.First.Value:x} &viommu{index} 0x{range.FirstEndpoint:x} 0x{count:x}>");
    }

    private static void WriteFunction(StringBuilder text, PciBdf bdf, int index)
    {
        string unit = bdf.Function == 0 ? Text($"{bdf.Device:x}") : Text($"{bdf.Device:x},{bdf.Function:x}");
        Line(text, $"");
        Line(text, $"\t\tviommu{index}: iommu@{unit} {{");
        Line(text, $"\t\t\tcompatible = \"virtio,pci-iommu\", \"pci1af4,1057\";");
        Line(text, $"\t\t\treg = <0x{bdf.Value << 8:x} 0x0 0x0 0x0 0x0>;");
        Line(text, $"\t\t\t#iommu-cells = <1>;");
        Line(text, $"\t\t}};");
    }

    private static void WriteSlot(StringBuilder text, IommuLocation.Mmio slot, int index)
    {
        Line(text, $"");
        Line(text, $"\tviommu{index}: iommu@{slot.BaseAddress:x} {{");
        Line(text, $"\t\tcompatible = \"virtio,mmio\";");
        Line(text, $"\t\treg = <{Cells(slot.BaseAddress)} {Cells(IommuLocation.Mmio.Length)}>;");
        Line(text, $"\t\t#iommu-cells = <1>;");
        Line(text, $"\t}};");
    }

    private static void WriteDevice(StringBuilder text, PlatformEndpoint device, int index)
    {
        Line(text, $"");
        Line(text, $"\t{device.Name}@{device.BaseAddress:x} {{");
        Line(text, $"\t\tcompatible = \"{device.Compatible}\";");
        Line(text, $"\t\treg = <{Cells(device.BaseAddress)} {Cells(device.Length)}>;");
        Line(text, $"\t\tiommus = <&viommu{index} 0x{device.Endpoint:x}>;");
        Line(text, $"\t}};");
    }

    // A 64-bit number is two cells, the upper half first.
    private static string Cells(ulong value) => Text($"0x{value >> 32:x} 0x{(uint)value:x}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static void Line(StringBuilder text, FormattableString line) => text.Append(Text(line)).Append('\n');
}
