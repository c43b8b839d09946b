using System.Buffers.Binary;
using Viommu.Device.Lifecycle;
using Viommu.Device.Wire;

namespace Viommu.Device.Transport.Pci;

/// <summary>The memory BARs of a virtio-pci function.</summary>
internal enum MemoryBar
{
    Structures,
    Msix,
}

/// <summary>The configuration space of a virtio-pci function: header, BARs and capability list.</summary>
internal sealed class FunctionConfig
{
    private const ushort VirtioVendorId = 0x1af4;
    private const byte InterruptPinA = 1;

    // Base system peripherals, IOMMU.
    private const uint ClassCode = 0x08_06_00;

    // BAR 0 is the legacy header's (LEGACY-PCI-D-01), BAR 1 that of MSI-X on every function.
    private const int TransitionalStructureBar = 2;

    private readonly PciConfigSpace _space = new();
    private readonly int _structureBar;
    private readonly uint _msixBarSize;
    private readonly uint _legacyBarSize;
    private readonly int _msixCapability;
    private readonly ConfigAccessWindow _window;

    public FunctionConfig(PciIdentity identity, int configLength, StructureBar structures, MsixTable? msix, LegacyHeader? legacy)
    {
        ushort writableCommand = PciHeader.CommandMemorySpace | PciHeader.CommandBusMaster | PciHeader.CommandInterruptDisable;
        if (legacy is not null)
        {
            writableCommand |= PciHeader.CommandIoSpace;
            _legacyBarSize = legacy.BarSize;
            _space.SetU32(PciHeader.Bar0, PciHeader.BarIoSpace, ~(legacy.BarSize - 1));
        }

        _structureBar = legacy is null ? 0 : TransitionalStructureBar;
        _space.SetU16(PciHeader.VendorId, VirtioVendorId);
        _space.SetU16(PciHeader.DeviceId, identity.DeviceId);
        _space.SetU16(PciHeader.Command, 0, writableCommand);
        _space.SetU32(PciHeader.RevisionId, (ClassCode << 8) | identity.RevisionId);
        _space.SetU16(PciHeader.SubsystemVendorId, VirtioVendorId);
        _space.SetU16(PciHeader.SubsystemId, identity.SubsystemId);
        _space.SetU8(PciHeader.InterruptLine, 0, 0xff);
        _space.SetU8(PciHeader.InterruptPin, InterruptPinA);
        _space.SetBar(BarRegister(_structureBar), StructureBar.Size);
        if (msix is not null)
        {
            _msixBarSize = msix.BarSize;
            _space.SetBar(PciHeader.Bar1, msix.BarSize);
            _msixCapability = AddMsix(msix);
        }

        Add(VirtioPciCapability.CommonConfiguration, StructureBar.CommonOffset, CommonConfigurationLayout.Size, []);
        Span<byte> multiplier = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(multiplier, StructureBar.NotifyMultiplier);
        Add(VirtioPciCapability.Notify, StructureBar.NotifyOffset, structures.NotifyLength, multiplier);
        Add(VirtioPciCapability.Isr, StructureBar.IsrOffset, StructureBar.IsrLength, []);
        Add(VirtioPciCapability.DeviceConfiguration, StructureBar.DeviceOffset, configLength, []);
        _window = new(_space, AddConfigAccess(), _structureBar, structures);
    }

    public bool IsBusMaster => HasCommand(PciHeader.CommandBusMaster);

    public bool IsInterruptDisabled => HasCommand(PciHeader.CommandInterruptDisable);

    public bool IsMsixEnabled => HasMsixControl(PciCapability.MsiXEnable);

    public bool IsMsixMasked => HasMsixControl(PciCapability.MsiXFunctionMask);

    public uint Read(int offset, int width, bool interruptStatus)
    {
        if (_window.IsTouchedBy(offset, width)) _window.Load();
        _space.SetU16(PciHeader.Status, (ushort)(PciHeader.StatusCapabilitiesList | (interruptStatus ? PciHeader.StatusInterrupt : 0)));
        return _space.Read(offset, width);
    }

    public void Write(int offset, int width, uint value)
    {
        _space.Write(offset, width, value);
        if (_window.IsTouchedBy(offset, width)) _window.Store();
    }

    /// <summary>Finds the memory BAR that holds all bytes of an access; a BAR at address 0 is not placed.</summary>
    public bool TryDecode(ulong address, int width, out MemoryBar bar, out int offset)
    {
        offset = 0;
        bar = MemoryBar.Structures;
        if (!HasCommand(PciHeader.CommandMemorySpace)) return false;
        if (TryDecodeBar(_space.U32(BarRegister(_structureBar)), StructureBar.Size, address, width, out offset)) return true;
        bar = MemoryBar.Msix;
        return _msixBarSize > 0 && TryDecodeBar(_space.U32(PciHeader.Bar1), _msixBarSize, address, width, out offset);
    }

    /// <summary>Whether the I/O BAR holds all bytes of an access.</summary>
    public bool TryDecodeIo(ushort port, int width, out int offset)
    {
        offset = 0;
        uint start = _space.U32(PciHeader.Bar0) & ~PciHeader.BarIoSpace;
        return _legacyBarSize > 0 && HasCommand(PciHeader.CommandIoSpace) && TryDecodeBar(start, _legacyBarSize, port, width, out offset);
    }

    /// <summary>The function is as after construction: nothing placed, nothing enabled.</summary>
    public void Reset() => _space.Reset();

    public void Save(StateWriter writer) => _space.Save(writer);

    /// <summary>Reads what <see cref="Save"/> wrote; the action takes it over.</summary>
    public Action Load(ref StateReader reader) => _space.Load(ref reader);

    private static int BarRegister(int bar) => PciHeader.Bar0 + (4 * bar);

    private static bool TryDecodeBar(uint start, uint size, ulong address, int width, out int offset)
    {
        offset = 0;
        if (start == 0 || address < start) return false;
        ulong distance = address - start;
        if (distance >= size || size - distance < (uint)width) return false;
        offset = (int)distance;
        return true;
    }

    private bool HasCommand(ushort bit) => (_space.U16(PciHeader.Command) & bit) != 0;

    private bool HasMsixControl(ushort bit) =>
        _msixCapability != 0 && (_space.U16(_msixCapability + PciCapability.MsiXControl) & bit) != 0;

    private int AddMsix(MsixTable msix)
    {
        const uint bar = 1;
        Span<byte> body = stackalloc byte[PciCapability.MsiXBodySize];
        var writer = new WireWriter(body);
        // PCI-MSIX-D-02: Table Size is encoded as N - 1.
        ushort control = (ushort)(msix.Vectors - 1);
        writer.U16(control);
        writer.U32(bar);
        writer.U32((uint)msix.PendingOffset | bar);
        int capability = _space.AddCapability(PciCapability.MsiX, body);
        _space.SetU16(capability + PciCapability.MsiXControl, control, PciCapability.MsiXEnable | PciCapability.MsiXFunctionMask);
        return capability;
    }

    private int AddConfigAccess()
    {
        int capability = Add(VirtioPciCapability.PciConfigurationAccess, 0, 0, new byte[VirtioPciCapability.DataSize]);
        _space.SetU8(capability + VirtioPciCapability.Bar, 0, 0xff);
        _space.SetU32(capability + VirtioPciCapability.Offset, 0, uint.MaxValue);
        _space.SetU32(capability + VirtioPciCapability.Length, 0, uint.MaxValue);
        _space.SetU32(capability + VirtioPciCapability.Data, 0, uint.MaxValue);
        return capability;
    }

    // struct virtio_pci_cap; PCI-CAP-D-04: cap_len counts the extra data.
    private int Add(byte type, int offset, int length, ReadOnlySpan<byte> extra)
    {
        const int idAndLink = 2;
        Span<byte> body = stackalloc byte[VirtioPciCapability.Size - idAndLink + extra.Length];
        var writer = new WireWriter(body);
        writer.U8((byte)(VirtioPciCapability.Size + extra.Length));
        writer.U8(type);
        writer.U8((byte)_structureBar);
        writer.U8(0); // id
        writer.Zeroes(2);
        writer.U32((uint)offset);
        writer.U32((uint)length);
        extra.CopyTo(body[^extra.Length..]);
        return _space.AddCapability(PciCapability.VendorSpecific, body);
    }
}
