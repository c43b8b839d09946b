using System.Numerics;
using Viommu.Device.Transport.Pci;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Transports.Judging;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;

namespace Viommu.Fuzz.Transports;

/// <summary>A virtio-pci function (section 4.1), with or without the legacy interface; where its structures are it says itself.</summary>
internal abstract class AnyPciMachine : RegisterMachine
{
    protected const ushort IoBar = 0xc000;

    private const ulong FirstBar = 0xe000_0000;
    private const ulong SecondBar = 0xe001_0000;
    private const int CommandAt = 0x04;
    private const int BarsAt = 0x10;
    private const int CapabilitiesPointer = 0x34;
    private const uint Enabled = 7;
    private const uint CommandMemory = 1 << 1;
    private const uint CommandBusMaster = 1 << 2;
    private const uint CommandLineDisabled = 1 << 10;
    private const int StatusAt = 0x06;
    private const uint InterruptStatusBit = 1 << 3;
    private const uint MsixEnable = 1 << 15;
    private const uint MsixMaskAll = 1 << 14;
    private const int EntrySize = 16;

    private static readonly PciAddress _address = new(0, 3, 0);

    private readonly ITarget _target;

    // What stands in front of a device sees accesses as a bus has them.
    private readonly bool _isIntercepted;
    private readonly bool _isLegacy;
    private readonly ulong _structures;
    private readonly ulong _msix;
    private readonly uint[] _barSizes = new uint[6];
    private readonly PciFunctionJudge _function;

    protected AnyPciMachine(Subject subject, bool isLegacy)
        : base(subject)
    {
        _isLegacy = isLegacy;
        // In a transitional function the legacy header has the first BAR, and the structures the third.
        (_structures, _msix) = isLegacy ? (SecondBar, FirstBar) : (FirstBar, SecondBar);
        var function = new VirtioPciFunction(Device, RingMemory, subject.Variation.PciOptions(new VirtioPciOptions { Features = Offered, Transitional = isLegacy }));
        DeviceLocation location = isLegacy ? new DeviceLocation.TransitionalPciFunction() : new DeviceLocation.PciFunction();
        _target = new ShadowedTarget(new ModelPciSlot(function, location), Memory) { ChangeBypass = base.TryChangeBypass };
        _isIntercepted = subject.InterceptsRegistersOf(isLegacy ? ModelTransport.TransitionalPci : ModelTransport.Pci);
        if (_isIntercepted) _target = subject.Variation.Machine(_target);
        _function = new(Structures, _barSizes, isLegacy, ConfigRead);
    }

    /// <inheritdoc/>
    public override void Dispose() => _target.Dispose();

    protected override DeviceJudge Judge => PciJudge;

    protected abstract AnyPciJudge PciJudge { get; }

    protected override bool IsReached => PciJudge.IsReachable && PciJudge.HasMemorySpace;

    /// <summary>Where the structures are.</summary>
    protected PciStructures Structures { get; } = new();

    // Vendor and device, revision and class, header type, subsystem, the start of the list of capabilities.
    protected override IReadOnlyList<(Space Space, int Offset, int Width)> Identity { get; } =
        [(Space.Configuration, 0x00, 4), (Space.Configuration, 0x08, 4), (Space.Configuration, 0x0e, 1), (Space.Configuration, 0x2c, 4), (Space.Configuration, CapabilitiesPointer, 1)];

    public override void PowerOn()
    {
        _target.SystemReset();
        PciJudge.PowerOn();
        if (!Structures.AreFound) LookOver();
        PciJudge.Messages.Vectors = Structures.Vectors;
        RestoreAccess();
        // The machine is on, and no driver was there.
        PciJudge.WroteStatus(0);
    }

    public override ulong ReadAt(Space space, int offset, int width) => space switch
    {
        Space.Configuration => ConfigRead(offset & 0xff, Math.Min(width, 4)),
        Space.Ports => PortRead(IoBar + (offset & 0xff), Math.Min(width, 4)),
        _ => IsWidth(width) ? Carried(_target.MmioRead((space == Space.Second ? _msix : _structures) + (uint)offset, width), width) : 0,
    };

    public override void WriteAt(Space space, int offset, int width, ulong value)
    {
        switch (space)
        {
            case Space.Configuration: ConfigWrite(offset & 0xff, Math.Min(width, 4), (uint)value); break;
            case Space.Ports: PortWrite(IoBar + (offset & 0xff), Math.Min(width, 4), (uint)value); break;
            default:
                if (IsWidth(width)) _target.MmioWrite((space == Space.Second ? _msix : _structures) + (uint)offset, width, Carried(value, width));
                break;
        }
    }

    public override void Command(int bits)
    {
        if (!PciJudge.IsReachable) return;
        uint command = ((bits & MemorySpace) != 0 ? CommandMemory : 0) | ((bits & BusMaster) != 0 ? CommandBusMaster : 0) | ((bits & LineDisabled) != 0 ? CommandLineDisabled : 0);
        ConfigWrite(CommandAt, 2, command | (_isLegacy ? 1u : 0));
        PciJudge.Commands((bits & MemorySpace) != 0, (bits & BusMaster) != 0, (bits & LineDisabled) != 0);
    }

    public override void Map(int happening, int vector, int flags)
    {
        var messages = PciJudge.Messages;
        if (Structures.MsixAt == 0 || !PciJudge.IsReachable || !PciJudge.HasMemorySpace) return;
        bool isEnabled = (flags & WithoutMessages) == 0;
        if (messages.IsTampered || (isEnabled && !messages.IsEnabled)) SetUpMessages();
        ControlMessages(isEnabled, (flags & MasksAll) != 0);
        ushort wanted = vector == 0xff ? MessageJudge.NoVector : (ushort)vector;
        if (isEnabled) MapEvent(happening % (MessageJudge.ConfigurationEvent + 1), wanted);
    }

    public override void Mask(int vector, bool isMasked)
    {
        var messages = PciJudge.Messages;
        if (vector >= Math.Min(messages.Vectors, MessageJudge.MaximumVectors) || !messages.IsEnabled || messages.IsTampered || !PciJudge.HasMemorySpace) return;
        WriteAt(Space.Second, (EntrySize * vector) + 12, 4, isMasked ? 1u : 0);
        messages.Mask(vector, isMasked);
    }

    public override void Reset()
    {
        Reach();
        base.Reset();
    }

    /// <summary>Maps an event to a vector, through whichever interface.</summary>
    protected abstract void MapEvent(int happening, ushort vector);

    /// <summary>A driver that starts over makes sure that it reaches the function.</summary>
    protected void Reach()
    {
        if (!PciJudge.IsReachable || !PciJudge.HasMemorySpace || !PciJudge.IsBusMaster || PciJudge.Messages.IsTampered) RestoreAccess();
    }

    protected override void RestoreAccess()
    {
        ConfigWrite(CommandAt, 2, 0);
        for (int bar = 0; bar < 3; bar++)
        {
            ulong place = PlaceOf(bar);
            if (place != 0) PlaceBar(bar, (uint)place);
        }

        ConfigWrite(CommandAt, 2, Enabled);
        PciJudge.Placed();
        PciJudge.Commands(hasMemorySpace: true, isBusMaster: true, isLineDisabled: false);
        if (Structures.MsixAt == 0) return;
        ControlMessages(isEnabled: false, isMasked: false);
        SetUpMessages();
    }

    protected override void Saw(Space space, int offset, int width, ulong value)
    {
        if (space != Space.Configuration) return;
        // Reading the data of the window reads what it leads to.
        if (Structures.WindowAt != 0 && Touches(offset & 0xff, Math.Min(width, 4), Structures.WindowAt + 16, 4)) PciJudge.Lost();
    }

    protected override void Wrote(Space space, int offset, int width, ulong value)
    {
        if (space == Space.Second)
        {
            if (PciJudge.HasMemorySpace || !PciJudge.IsReachable) PciJudge.TamperedWithMessages();
            return;
        }

        if (space != Space.Configuration) return;
        int at = offset & 0xff;
        int length = Math.Min(width, 4);
        if (Touches(at, length, CommandAt, 2) || Touches(at, length, BarsAt, 24)) PciJudge.Moved();
        if (Structures.MsixAt != 0 && Touches(at, length, Structures.MsixAt, 4)) PciJudge.TamperedWithMessages();
        if (Structures.WindowAt != 0 && Touches(at, length, Structures.WindowAt + 16, 4)) PciJudge.WroteAnywhere();
    }

    protected override void LookAtInterrupts()
    {
        bool isPending = (ConfigRead(StatusAt, 2) & InterruptStatusBit) != 0;
        PciJudge.SawLine(isPending, PciJudge.IsReachable ? _target.InterruptLine : null);
        PciJudge.Messages.Look(PciJudge.IsLost);
    }

    protected override bool TryChangeBypass(bool bypass) => _target.TryChangeBypass(bypass);

    /// <summary>Reads configuration space, all of it that says what the function is.</summary>
    protected void LookOver() => _function.LookOver();

    /// <summary>Reads a register through the window of configuration space, which every driver reaches.</summary>
    protected ulong ReadThroughWindow(int offset, int width)
    {
        OpenWindow(offset, width);
        return Carried(ConfigRead(Structures.WindowAt + 16, width), width);
    }

    /// <summary>Writes a register through it.</summary>
    protected void WriteThroughWindow(int offset, int width, uint value)
    {
        OpenWindow(offset, width);
        ConfigWrite(Structures.WindowAt + 16, width, value);
    }

    protected uint ConfigRead(int offset, int width) => IsWidth(width) ? (uint)Carried(_target.ConfigRead(_address, offset, width), width) : 0;

    protected void ConfigWrite(int offset, int width, uint value)
    {
        if (IsWidth(width)) _target.ConfigWrite(_address, offset, width, (uint)Carried(value, width));
    }

    protected uint PortRead(int port, int width) => IsWidth(width) ? (uint)Carried(_target.IoRead((ushort)port, width), width) : 0;

    protected void PortWrite(int port, int width, uint value)
    {
        if (IsWidth(width)) _target.IoWrite((ushort)port, width, (uint)Carried(value, width));
    }

    /// <summary>Whether an access touches any of <paramref name="length"/> bytes.</summary>
    protected static bool Touches(int offset, int width, int at, int length) => offset < at + length && at < offset + width;

    private bool IsWidth(int width) => !_isIntercepted || width is 1 or 2 or 4 or 8;

    private ulong PlaceOf(int bar) => (_isLegacy, bar) switch
    {
        (true, 0) => IoBar,
        (true, 1) => _msix,
        (true, 2) or (false, 0) => _structures,
        (false, 1) => _msix,
        _ => 0,
    };

    // PCI-GEN-D-01: all ones show the size, which is a power of two.
    private void PlaceBar(int bar, uint place)
    {
        int register = BarsAt + (4 * bar);
        ConfigWrite(register, 4, uint.MaxValue);
        uint shown = ConfigRead(register, 4);
        uint mask = (shown & 1) != 0 ? shown & ~3u : shown & ~15u;
        if ((shown & 1) != 0) mask |= 0xffff_0000;
        uint size = ~mask + 1;
        if (shown != 0 && !BitOperations.IsPow2(size)) Broken.Rule("PCI-GEN-D-01", $"BAR {bar}", $"BAR {bar} reads 0x{shown:x} where all ones were written");
        _barSizes[bar] = shown == 0 ? 0 : size;
        ConfigWrite(register, 4, place);
    }

    private void ControlMessages(bool isEnabled, bool isMasked)
    {
        ConfigWrite(Structures.MsixAt + 2, 2, (isEnabled ? MsixEnable : 0) | (isMasked ? MsixMaskAll : 0));
        PciJudge.ControlsMessages(isEnabled, isMasked);
    }

    private void SetUpMessages()
    {
        for (int vector = 0; vector < Math.Min(Structures.Vectors, MessageJudge.MaximumVectors); vector++)
        {
            WriteAt(Space.Second, EntrySize * vector, 4, ShadowedMemory.First + (uint)MessageJudge.PlaceOf(vector));
            WriteAt(Space.Second, (EntrySize * vector) + 4, 4, 0);
            WriteAt(Space.Second, (EntrySize * vector) + 8, 4, (uint)vector + 1);
            WriteAt(Space.Second, (EntrySize * vector) + 12, 4, 0);
        }

        PciJudge.Messages.SetUp();
    }

    private void OpenWindow(int offset, int width)
    {
        ConfigWrite(Structures.WindowAt + 4, 1, (uint)Structures.Bar);
        ConfigWrite(Structures.WindowAt + 8, 4, (uint)offset);
        ConfigWrite(Structures.WindowAt + 12, 4, (uint)width);
    }
}
