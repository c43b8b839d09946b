using System.Buffers.Binary;
using Viommu.Device.Wire;

namespace Viommu.Device.Transport.Pci;

/// <summary>The configuration space of a virtio-pci function: header, BARs and capability list.</summary>
internal sealed class FunctionConfig
{
    /// <summary>Non-transitional devices have this PCI device ID plus their virtio device ID (section 4.1.2).</summary>
    public const ushort FirstModernDeviceId = 0x1040;

    private const ushort VirtioVendorId = 0x1af4;
    private const byte RevisionId = 1;
    private const byte InterruptPinA = 1;

    // Base system peripherals, IOMMU.
    private const uint ClassCode = 0x08_06_00;

    private readonly PciConfigSpace _space = new();
    private readonly uint _msixBarSize;
    private readonly int _msixCapability;
    private readonly ConfigAccessWindow _window;

    public FunctionConfig(ushort deviceId, int configLength, StructureBar structures, MsixTable? msix)
    {
        const ushort writableCommand = PciHeader.CommandMemorySpace | PciHeader.CommandBusMaster | PciHeader.CommandInterruptDisable;
        _space.SetU16(PciHeader.VendorId, VirtioVendorId);
        _space.SetU16(PciHeader.DeviceId, deviceId);
        _space.SetU16(PciHeader.Command, 0, writableCommand);
        _space.SetU32(PciHeader.RevisionId, (ClassCode << 8) | RevisionId);
        _space.SetU16(PciHeader.SubsystemVendorId, VirtioVendorId);
        // PCI-DISC-D-07: 0x40 or above.
        _space.SetU16(PciHeader.SubsystemId, deviceId);
        _space.SetU8(PciHeader.InterruptLine, 0, 0xff);
        _space.SetU8(PciHeader.InterruptPin, InterruptPinA);
        _space.SetBar(PciHeader.Bar0, StructureBar.Size);
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
        _window = new(_space, AddConfigAccess(), structures);
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

    /// <summary>Finds the BAR, 0 or 1, that holds all bytes of an access; a BAR at address 0 is not placed.</summary>
    public bool TryDecode(ulong address, int width, out int bar, out int offset)
    {
        bar = 0;
        if (TryDecodeBar(PciHeader.Bar0, StructureBar.Size, address, width, out offset)) return true;
        bar = 1;
        return _msixBarSize > 0 && TryDecodeBar(PciHeader.Bar1, _msixBarSize, address, width, out offset);
    }

    private bool TryDecodeBar(int register, uint size, ulong address, int width, out int offset)
    {
        uint start = _space.U32(register);
        offset = 0;
        if (!HasCommand(PciHeader.CommandMemorySpace) || start == 0 || address < start) return false;
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
        writer.U8(0); // bar
        writer.U8(0); // id
        writer.Zeroes(2);
        writer.U32((uint)offset);
        writer.U32((uint)length);
        extra.CopyTo(body[^extra.Length..]);
        return _space.AddCapability(PciCapability.VendorSpecific, body);
    }
}
