using Viommu.Conformance.Watching.Registers;
using Viommu.Guest.Pci;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;

namespace Viommu.Conformance.Watching.Live;

/// <summary>Which registers of a machine are those of its virtio-iommu, wherever the driver has placed its BARs.</summary>
internal sealed class RegisterMap
{
    private const int MmioLength = 0x200;

    private readonly ITarget inner;
    private readonly PciFunction? function;
    private readonly ulong mmio;
    private IReadOnlyList<(ulong First, PciLayout.Structure Structure)>? structures;

    public RegisterMap(ITarget inner)
    {
        this.inner = inner;
        (Transport, function, mmio) = inner.Iommu switch
        {
            DeviceLocation.PciFunction => (WatchedTransport.Pci, PciBus.FindIommu(inner), 0UL),
            DeviceLocation.TransitionalPciFunction => (WatchedTransport.LegacyPci, PciBus.FindTransitionalIommu(inner), 0UL),
            DeviceLocation.MmioSlot slot => (inner.MmioRead(slot.Address + MmioRegister.Version, 4) == 1 ? WatchedTransport.LegacyMmio : WatchedTransport.Mmio, null, slot.Address),
            var other => throw new ArgumentException($"{other} cannot be watched", nameof(inner)),
        };
    }

    /// <summary>How the driver is to reach the device.</summary>
    public WatchedTransport Transport { get; }

    /// <summary>MSI-X is enabled at this moment.</summary>
    public bool IsMsixEnabled =>
        function?.Capabilities().FirstOrDefault(capability => capability.Id == PciCapability.MsiX) is { Offset: > 0 } msix && (function.Read(msix.Offset + 2, 2) & 0x8000) != 0;

    // Found anew once configuration space was written to: that is how BARs move.
    private IReadOnlyList<(ulong First, PciLayout.Structure Structure)> Structures => structures ??= FindStructures(function!);

    /// <summary>Length of the device configuration structure, where the transport gives it.</summary>
    public uint? ConfigLength => Transport == WatchedTransport.Pci ? Structures.FirstOrDefault(s => s.Structure.Space == RegisterSpace.PciDevice).Structure?.Length : null;

    public static AddressWindow MmioWindow(DeviceLocation.MmioSlot slot) => new(slot.Address, slot.Address + MmioLength - 1);

    public bool IsIommu(PciAddress address) => function?.Address == address;

    public void ConfigurationWritten() => structures = null;

    /// <summary>Configuration space as it is; null where the device is no PCI function.</summary>
    public byte[]? ReadConfiguration() => function is null ? null : [.. Enumerable.Range(0, 0x100).Select(offset => (byte)function.Read(offset, 1))];

    /// <summary>A memory access as one to the device's registers; null where it is to something else.</summary>
    public RegisterAccess? Memory(ulong address, int width, ulong value, bool isWrite)
    {
        if (function is null)
            return address >= mmio && address - mmio < MmioLength ? new RegisterAccess(RegisterSpace.Mmio, (uint)(address - mmio), width, value, isWrite) : null;
        foreach (var (first, structure) in Structures)
        {
            if (address >= first && address - first < structure.Length) return new RegisterAccess(structure.Space, (uint)(address - first), width, value, isWrite) { Instance = structure.Instance };
        }
        return null;
    }

    /// <summary>An access to I/O space as one to the legacy interface; null where it is to something else.</summary>
    public RegisterAccess? Io(ushort port, int width, uint value, bool isWrite)
    {
        if (Transport != WatchedTransport.LegacyPci) return null;
        var bar = function!.Read(0x10, 4) & 0xfffc;
        return port >= bar && port - bar < 0x100 ? new RegisterAccess(RegisterSpace.LegacyIo, (uint)(port - bar), width, value, isWrite) : null;
    }

    /// <summary>The bits of InterruptStatus, which a look does not change; null on PCI, where it would.</summary>
    public uint? PendingInterrupts() => function is null ? (uint)inner.MmioRead(mmio + MmioRegister.InterruptStatus, 4) & 3 : null;

    private static List<(ulong First, PciLayout.Structure Structure)> FindStructures(PciFunction function) =>
        [.. PciLayout.Read((offset, width) => function.Read(offset, width)).Structures.Select(structure => (BarOf(function, structure.Bar) + structure.Offset, structure))];

    private static ulong BarOf(PciFunction function, int bar)
    {
        var low = function.Read(0x10 + 4 * bar, 4);
        return (low & ~0xfu) | ((low & 6) == 4 && bar < 5 ? (ulong)function.Read(0x14 + 4 * bar, 4) << 32 : 0);
    }
}
