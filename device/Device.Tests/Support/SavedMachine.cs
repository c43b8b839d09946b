using Viommu.Device.Lifecycle;
using Viommu.Device.Transport.Mmio;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Support;

/// <summary>A machine on one of the transports as save and restore see it, and its registers one by one.</summary>
internal sealed class SavedMachine
{
    private readonly Machine? _pci;
    private readonly MmioMachine? _mmio;

    private SavedMachine(IMachine machine)
    {
        Inner = machine;
        _pci = machine as Machine ?? (machine as LegacyPciMachine)?.Pci;
        _mmio = machine as MmioMachine ?? (machine as LegacyMmioMachine)?.Registers;
    }

    public IMachine Inner { get; }

    public bool IsLegacy => Inner is LegacyPciMachine or LegacyMmioMachine;

    /// <summary>Everything that a driver can see of interrupts without a register.</summary>
    public bool InterruptPin => _pci?.Function.IsIntxAsserted ?? _mmio!.Mmio.InterruptAsserted;

    public static SavedMachine Make(string kind)
    {
        const VirtioFeatures packed = VirtioFeatures.Default | VirtioFeatures.RingPacked;
        return new(kind switch
        {
            "pci" => new Machine(),
            "pci, in order" => new Machine(pci: new() { Features = VirtioFeatures.Default | VirtioFeatures.InOrder }),
            "pci, packed" => new Machine(pci: new() { Features = packed }),
            "pci, packed, in order" => new Machine(pci: new() { Features = packed | VirtioFeatures.InOrder }),
            "pci, no MSI-X" => new Machine(pci: new() { MsixVectors = 0 }),
            "pci, transitional" => new Machine(pci: new() { Transitional = true }),
            "pci, legacy" => new LegacyPciMachine(),
            "mmio" => new MmioMachine(),
            "mmio, packed" => new MmioMachine(new() { Features = packed }),
            "mmio, legacy" => new LegacyMmioMachine(),
            _ => throw new ArgumentException(kind),
        });
    }

    public byte[] Save() => _pci?.Function.Save() ?? _mmio!.Mmio.Save();

    public bool TryRestore(ReadOnlySpan<byte> state, out StateError error) =>
        _pci is not null ? _pci.Function.TryRestore(state, out error) : _mmio!.Mmio.TryRestore(state, out error);

    public void SystemReset()
    {
        if (_mmio is not null)
        {
            _mmio.Mmio.SystemReset();
            return;
        }

        _pci!.Function.SystemReset();
        _pci.PlaceBars();
        if (!IsLegacy) return;
        _pci.Function.ConfigWrite(0x10, 4, LegacyPciMachine.Port);
        _pci.Function.ConfigWrite(0x04, 2, 0x7);
    }

    public ulong ReadRegister(int place, int width)
    {
        if (_mmio is not null) return _mmio.Mmio.Read(place % VirtioMmioDevice.Length, width);
        if (place >= 0x8000) return _pci!.Function.ConfigRead(place % 0x100, width);
        if (IsLegacy) return _pci!.Function.TryIoRead((ushort)(LegacyPciMachine.Port + (place % 0x40)), width, out uint legacy) ? legacy : ulong.MaxValue;
        return _pci!.Function.TryMmioRead(Place(place), width, out ulong value) ? value : ulong.MaxValue;
    }

    public void WriteRegister(int place, int width, ulong value)
    {
        if (_mmio is not null) _mmio.Mmio.Write(place % VirtioMmioDevice.Length, width, value);
        // Not the BARs: the rest of the run needs them where they are.
        else if (place >= 0x8000) _pci!.Function.ConfigWrite((place % 0x100) | 0x40, width, (uint)value);
        else if (IsLegacy) _pci!.Function.TryIoWrite((ushort)(LegacyPciMachine.Port + (place % 0x40)), width, (uint)value);
        else _pci!.Function.TryMmioWrite(Place(place), width, value);
    }

    // Mostly the structures where registers are dense: common configuration, ISR, device configuration, MSI-X table and pending bits.
    private static ulong Place(int place) => (place / 0x100 % 8) switch
    {
        0 => Machine.Isr,
        1 => Machine.DeviceConfig + (ulong)(place % 40),
        2 => Machine.Bar1 + (ulong)(place % 48),
        3 => Machine.Bar1 + 0x800,
        _ => Machine.Bar0 + (ulong)(place % 0x40),
    };
}
