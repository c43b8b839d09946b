using Viommu.Device.Memory;

namespace Viommu.Device.Topology;

/// <summary>A PCI host bridge: the buses of one segment (or some of them) and where the processor reaches them.</summary>
/// <param name="Segment">The PCI segment.</param>
/// <param name="ConfigurationBase">Where the configuration space of <see cref="FirstBus"/> is mapped (ECAM): 1 MiB a bus.</param>
/// <param name="MemoryWindow">Processor addresses below 4 GiB that are forwarded to the bus unchanged, for BARs.</param>
public sealed record PciHostBridge(ushort Segment, ulong ConfigurationBase, AddressRange MemoryWindow)
{
    private const int BytesPerBusShift = 20;

    /// <summary>The bus right behind the bridge.</summary>
    public byte FirstBus { get; init; }

    /// <summary>The last bus, inclusive.</summary>
    public byte LastBus { get; init; } = byte.MaxValue;

    /// <summary>Length of the mapped configuration space, in bytes.</summary>
    public ulong ConfigurationLength => (ulong)(LastBus - FirstBus + 1) << BytesPerBusShift;

    /// <summary>True where every function from <paramref name="first"/> to <paramref name="last"/> is behind this bridge.</summary>
    public bool Contains(ushort segment, PciBdf first, PciBdf last) => segment == Segment && FirstBus <= first.Bus && last.Bus <= LastBus;

    /// <inheritdoc/>
    public override string ToString() => $"PCI host bridge {Segment:x4}:{FirstBus:x2}..{LastBus:x2}";
}
