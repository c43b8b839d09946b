using Viommu.Guest.Targets;

namespace Viommu.Guest.Pci;

/// <summary>A PCI function's configuration space, as a driver reads it.</summary>
public sealed class PciFunction(ITarget target, PciAddress address)
{
    private const int CommandOffset = 0x04;
    private const int FirstBarOffset = 0x10;
    private const int BarCount = 6;
    private const ushort CapabilityListPresent = 1 << 4;

    private readonly ulong[] bars = new ulong[BarCount];
    private readonly ushort?[] ioBars = new ushort?[BarCount];
    private readonly ulong[] sizes = new ulong[BarCount];

    /// <summary>Where it is.</summary>
    public PciAddress Address { get; } = address;

    /// <summary>Vendor ID.</summary>
    public ushort VendorId => (ushort)Read(0x00, 2);

    /// <summary>Device ID.</summary>
    public ushort DeviceId => (ushort)Read(0x02, 2);

    /// <summary>The guest-physical address at which <see cref="PlaceBars"/> put a BAR; zero where the function has no such memory BAR.</summary>
    public ulong BarAddress(int bar) => (uint)bar < BarCount ? bars[bar] : 0;

    /// <summary>The I/O port at which <see cref="PlaceBars"/> put a BAR; null where the function has no such I/O BAR.</summary>
    public ushort? IoBarAddress(int bar) => (uint)bar < BarCount ? ioBars[bar] : null;

    /// <summary>The size in bytes that <see cref="PlaceBars"/> found a BAR to have, in memory or I/O space; zero where the function has no such BAR.</summary>
    public ulong BarSize(int bar) => (uint)bar < BarCount ? sizes[bar] : 0;

    /// <summary>Reads 1, 2 or 4 bytes.</summary>
    public uint Read(int offset, int width) => target.ConfigRead(Address, offset, width);

    /// <summary>Writes 1, 2 or 4 bytes.</summary>
    public void Write(int offset, int width, uint value) => target.ConfigWrite(Address, offset, width, value);

    /// <summary>The command register.</summary>
    public PciCommand Command
    {
        get => (PciCommand)Read(CommandOffset, 2);
        set => Write(CommandOffset, 2, (uint)value);
    }

    /// <summary>The Interrupt Status bit of the status register: a pending INTx interrupt, disabled or not.</summary>
    public bool InterruptPending => (Read(0x06, 2) & 1 << 3) != 0;

    /// <summary>
    /// Gives each memory BAR an address inside <paramref name="window"/> and each I/O BAR one inside <paramref name="ports"/>, naturally
    /// aligned, and enables decoding and bus mastering. Throws <see cref="GuestSetupException"/> where a window is too small.
    /// </summary>
    public void PlaceBars(AddressWindow window, AddressWindow ports)
    {
        Command &= ~(PciCommand.MemorySpace | PciCommand.IoSpace);
        var (next, nextPort) = (window.First, ports.First);
        for (var bar = 0; bar < BarCount; bar++)
        {
            var offset = FirstBarOffset + 4 * bar;
            Write(offset, 4, uint.MaxValue);
            var probed = Read(offset, 4);
            if ((probed & 1) != 0)
            {
                // PCI 3.0 6.2.5.1: the upper 16 bits of an I/O BAR may be hardwired to zero.
                sizes[bar] = (ushort)(~(probed & 0xfffc) + 1);
                var port = Take(ref nextPort, sizes[bar], ports, bar);
                Write(offset, 4, (uint)port);
                ioBars[bar] = (ushort)port;
                continue;
            }
            if ((probed & ~0xfu) == 0) continue;
            var is64 = (probed & 0x6) == 0x4;

            // The size of every BAR that a virtio-iommu has fits 32 bits; the upper half is only ever given zero.
            sizes[bar] = (ulong)~(probed & ~0xfu) + 1;
            var at = Take(ref next, sizes[bar], window, bar);
            Write(offset, 4, (uint)at);
            if (is64) Write(offset + 4, 4, 0);
            bars[bar] = at;
            if (is64) bar++;
        }
        Command |= PciCommand.MemorySpace | PciCommand.BusMaster | (ioBars.Any(bar => bar is not null) ? PciCommand.IoSpace : 0);
    }

    private ulong Take(ref ulong next, ulong size, AddressWindow window, int bar)
    {
        var at = (next + size - 1) & ~(size - 1);
        if (size == 0 || at + size - 1 > window.Last)
            throw new GuestSetupException($"BAR {bar} of {Address} ({size} bytes) does not fit into 0x{window.First:x}..0x{window.Last:x}");
        next = at + size;
        return at;
    }

    /// <summary>
    /// The capability list, in its order. A list that does not end within the 48 capabilities that 192 bytes can hold is cut there,
    /// so that a looping one cannot hang the driver.
    /// </summary>
    public IEnumerable<PciCapability> Capabilities()
    {
        if ((Read(0x06, 2) & CapabilityListPresent) == 0) yield break;
        var offset = (int)Read(0x34, 1) & ~3;
        for (var seen = 0; offset != 0 && seen < 48; seen++)
        {
            var header = Read(offset, 2);
            yield return new PciCapability((byte)header, offset);
            offset = (int)(header >> 8) & ~3;
        }
    }
}

/// <summary>One entry of the capability list.</summary>
/// <param name="Id">0x09 for a vendor-specific capability, which is what virtio uses; 0x11 for MSI-X.</param>
/// <param name="Offset">Where it is in configuration space.</param>
public readonly record struct PciCapability(byte Id, int Offset)
{
    /// <summary>Vendor-specific.</summary>
    public const byte VendorSpecific = 0x09;

    /// <summary>MSI-X.</summary>
    public const byte MsiX = 0x11;
}

/// <summary>The PCI command register.</summary>
[Flags]
public enum PciCommand : ushort
{
    /// <summary>Nothing is enabled.</summary>
    None = 0,

    /// <summary>The function answers in I/O space.</summary>
    IoSpace = 1 << 0,

    /// <summary>The function answers in memory space.</summary>
    MemorySpace = 1 << 1,

    /// <summary>The function may access memory by itself.</summary>
    BusMaster = 1 << 2,

    /// <summary>The function must not assert INTx.</summary>
    InterruptDisable = 1 << 10,
}
