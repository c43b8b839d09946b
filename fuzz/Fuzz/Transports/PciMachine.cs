using Viommu.Device.Transport.Pci;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;

namespace Viommu.Fuzz.Transports;

/// <summary>A virtio-pci function (section 4.1), with or without the legacy interface; where its structures are it says itself.</summary>
internal sealed class PciMachine : RegisterMachine
{
    private const ulong FirstBar = 0xe000_0000;
    private const ulong SecondBar = 0xe001_0000;
    private const ushort IoBar = 0xc000;
    private const int Command = 0x04;
    private const int FirstBarRegister = 0x10;
    private const int CapabilitiesPointer = 0x34;
    private const byte VendorSpecific = 0x09;
    private const uint Enabled = 7;
    private const uint Alive = StatusBits.Live;
    private const uint LegacyAlive = StatusBits.Found | StatusBits.DriverOk;

    // Offsets in the common configuration structure (section 4.1.4.3), and in the legacy header (section 4.1.4.10).
    private const int DriverFeatureSelect = 0x08;
    private const int DriverFeature = 0x0c;
    private const int DeviceStatus = 0x14;
    private const int QueueSelect = 0x16;
    private const int SizeOfQueue = 0x18;
    private const int QueueEnable = 0x1c;
    private const int QueueDescriptors = 0x20;
    private const int QueueDriver = 0x28;
    private const int QueueDevice = 0x30;
    private const int LegacyDriverFeatures = 0x04;
    private const int LegacyQueueAddress = 0x08;
    private const int LegacyQueueSelect = 0x0e;
    private const int LegacyQueueNotify = 0x10;
    private const int LegacyStatus = 0x12;

    private static readonly PciAddress _address = new(0, 3, 0);

    private readonly VirtioPciFunction _function;
    private readonly bool _isLegacy;
    private readonly ulong _structures;
    private readonly ulong _msix;
    private readonly ITarget? _intercepted;
    private bool _isFound;
    private int _common;
    private int _notify;

    public PciMachine(Subject subject, bool isLegacy)
        : base(subject)
    {
        _isLegacy = isLegacy;
        // In a transitional function the legacy header has the first BAR, and the structures the third.
        (_structures, _msix) = isLegacy ? (SecondBar, FirstBar) : (FirstBar, SecondBar);
        _function = new(Device, RingMemory, subject.Variation.PciOptions(new VirtioPciOptions { Features = Offered, Transitional = isLegacy }));
        if (!subject.InterceptsRegistersOf(isLegacy ? ModelTransport.TransitionalPci : ModelTransport.Pci)) return;
        DeviceLocation location = isLegacy ? new DeviceLocation.TransitionalPciFunction() : new DeviceLocation.PciFunction();
        _intercepted = subject.Variation.Machine(new ShadowedTarget(new ModelPciSlot(_function, location), Memory));
    }

    // Vendor and device, revision and class, header type, subsystem, the start of the list of capabilities.
    protected override IReadOnlyList<(Space Space, int Offset, int Width)> Identity { get; } =
        [(Space.Configuration, 0x00, 4), (Space.Configuration, 0x08, 4), (Space.Configuration, 0x0e, 1), (Space.Configuration, 0x2c, 4), (Space.Configuration, CapabilitiesPointer, 1)];

    public override uint Status => _isLegacy ? PortRead(IoBar + LegacyStatus, 1) : (uint)Common(DeviceStatus, 1);

    public override void PowerOn()
    {
        if (_intercepted is null) _function.SystemReset();
        else _intercepted.SystemReset();
        RestoreAccess();
        if (!_isFound) FindStructures();
    }

    public override ulong ReadAt(Space space, int offset, int width) => space switch
    {
        Space.Configuration => ConfigRead(offset & 0xff, Math.Min(width, 4)),
        Space.Ports => PortRead(IoBar + (offset & 0xff), Math.Min(width, 4)),
        _ => RegisterRead((space == Space.Second ? _msix : _structures) + (uint)offset, width),
    };

    public override void WriteAt(Space space, int offset, int width, ulong value)
    {
        switch (space)
        {
            case Space.Configuration: ConfigWrite(offset & 0xff, Math.Min(width, 4), (uint)value); break;
            case Space.Ports: PortWrite(IoBar + (offset & 0xff), Math.Min(width, 4), (uint)value); break;
            default: RegisterWrite((space == Space.Second ? _msix : _structures) + (uint)offset, width, value); break;
        }
    }

    protected override void RestoreAccess()
    {
        ConfigWrite(Command, 2, 0);
        if (_isLegacy)
        {
            ConfigWrite(FirstBarRegister, 4, IoBar);
            ConfigWrite(FirstBarRegister + 4, 4, (uint)_msix);
            ConfigWrite(FirstBarRegister + 8, 4, (uint)_structures);
        }
        else
        {
            ConfigWrite(FirstBarRegister, 4, (uint)_structures);
            ConfigWrite(FirstBarRegister + 4, 4, (uint)_msix);
        }

        ConfigWrite(Command, 2, Enabled);
    }

    protected override void Initialize()
    {
        if (_isLegacy)
        {
            InitializeLegacy();
            return;
        }

        SetCommon(DeviceStatus, 1, 0);
        Require(Status == 0, "the device status is not 0");
        SetCommon(DeviceStatus, 1, StatusBits.Found);
        SetCommon(DriverFeatureSelect, 4, 0);
        SetCommon(DriverFeature, 4, (uint)Accepted);
        SetCommon(DriverFeatureSelect, 4, 1);
        SetCommon(DriverFeature, 4, (uint)(Accepted >> 32));
        SetCommon(DeviceStatus, 1, StatusBits.Negotiated);
        SetCommon(QueueSelect, 2, 0);
        Require(Common(QueueEnable, 2) == 0, "a queue is enabled");
        SetCommon(SizeOfQueue, 2, QueueSize);
        SetCommon(QueueDescriptors, 8, At(Descriptors));
        SetCommon(QueueDriver, 8, At(Available));
        SetCommon(QueueDevice, 8, At(Used));
        SetCommon(QueueEnable, 2, 1);
        SetCommon(DeviceStatus, 1, Alive);
        Require(Status == Alive, "a legal negotiation does not end in DRIVER_OK");
    }

    protected override void Notify()
    {
        if (_isLegacy) PortWrite(IoBar + LegacyQueueNotify, 2, 0);
        else RegisterWrite(_structures + (uint)_notify, 2, 0);
    }

    private void FindStructures()
    {
        int patience = 64;
        for (int at = (int)ConfigRead(CapabilitiesPointer, 1); at != 0 && patience-- > 0; at = (int)ConfigRead(at + 1, 1))
        {
            if (ConfigRead(at, 1) != VendorSpecific) continue;
            int offset = (int)ConfigRead(at + 8, 4);
            switch (ConfigRead(at + 3, 1))
            {
                case 1: _common = offset; break;
                case 2: _notify = offset; break;
            }
        }

        _isFound = true;
    }

    private void InitializeLegacy()
    {
        SetLegacy(LegacyStatus, 1, 0);
        Require(Status == 0, "the device status is not 0");
        SetLegacy(LegacyStatus, 1, StatusBits.Found);
        SetLegacy(LegacyDriverFeatures, 4, (uint)Accepted);
        SetLegacy(LegacyQueueSelect, 2, 0);
        SetLegacy(LegacyQueueAddress, 4, (uint)(At(Descriptors) / 4096));
        SetLegacy(LegacyStatus, 1, LegacyAlive);
        Require(Status == LegacyAlive, "a legacy initialization does not end in DRIVER_OK");
    }

    private void SetLegacy(int offset, int width, uint value) => PortWrite(IoBar + offset, width, value);

    private ulong Common(int offset, int width) => RegisterRead(_structures + (uint)(_common + offset), width);

    // Fields of 64 bits are written in halves (section 4.1.3.1).
    private void SetCommon(int offset, int width, ulong value)
    {
        ulong at = _structures + (uint)(_common + offset);
        if (width < 8)
        {
            RegisterWrite(at, width, value);
            return;
        }

        RegisterWrite(at, 4, (uint)value);
        RegisterWrite(at + 4, 4, value >> 32);
    }

    private uint ConfigRead(int offset, int width) =>
        _intercepted is null ? _function.ConfigRead(offset, width) : IsWidth(width) ? (uint)Carried(_intercepted.ConfigRead(_address, offset, width), width) : 0;

    private void ConfigWrite(int offset, int width, uint value)
    {
        if (_intercepted is null) _function.ConfigWrite(offset, width, value);
        else if (IsWidth(width)) _intercepted.ConfigWrite(_address, offset, width, (uint)Carried(value, width));
    }

    private uint PortRead(int port, int width) => _intercepted is not null
        ? IsWidth(width) ? (uint)Carried(_intercepted.IoRead((ushort)port, width), width) : 0
        : _function.TryIoRead((ushort)port, width, out uint value) ? value : 0;

    private void PortWrite(int port, int width, uint value)
    {
        if (_intercepted is null) _function.TryIoWrite((ushort)port, width, value);
        else if (IsWidth(width)) _intercepted.IoWrite((ushort)port, width, (uint)Carried(value, width));
    }

    private ulong RegisterRead(ulong address, int width) => _intercepted is not null
        ? IsWidth(width) ? Carried(_intercepted.MmioRead(address, width), width) : 0
        : _function.TryMmioRead(address, width, out ulong value) ? value : 0;

    private void RegisterWrite(ulong address, int width, ulong value)
    {
        if (_intercepted is null) _function.TryMmioWrite(address, width, value);
        else if (IsWidth(width)) _intercepted.MmioWrite(address, width, Carried(value, width));
    }

    // What stands in front of a device sees accesses as a bus has them.
    private static bool IsWidth(int width) => width is 1 or 2 or 4 or 8;
}
