using Viommu.Device.Transport.Mmio;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Transports.Judging;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports;

/// <summary>Registers of virtio-mmio (section 4.2), of either version, with or without something in front of them.</summary>
internal abstract class AnyMmioMachine : RegisterMachine
{
    private readonly VirtioMmioDevice _device;
    private readonly ITarget? _intercepted;
    private readonly ulong _start;

    protected AnyMmioMachine(Subject subject, bool isLegacy)
        : base(subject)
    {
        _device = new(Device, RingMemory, new VirtioMmioOptions { Features = Offered, Legacy = isLegacy });
        if (!subject.InterceptsRegistersOf(isLegacy ? ModelTransport.LegacyMmio : ModelTransport.Mmio)) return;
        var slot = new ModelMmioSlot(_device);
        _start = ((DeviceLocation.MmioSlot)slot.Location).Address;
        _intercepted = subject.Variation.Machine(new ShadowedTarget(slot, Memory) { ChangeBypass = base.TryChangeBypass });
    }

    public override uint Status => (uint)ReadAt(Space.Registers, (int)MmioRegister.Status, 4);

    /// <inheritdoc/>
    public override void Dispose() => _intercepted?.Dispose();

    protected override DeviceJudge Judge => MmioJudge;

    protected abstract AnyMmioJudge MmioJudge { get; }

    protected override IReadOnlyList<(Space Space, int Offset, int Width)> Identity { get; } =
    [
        .. new[] { MmioRegister.MagicValue, MmioRegister.Version, MmioRegister.DeviceId, MmioRegister.VendorId }.Select(register => (Space.Registers, (int)register, 4)),
    ];

    public override void PowerOn()
    {
        if (_intercepted is null) _device.SystemReset();
        else _intercepted.SystemReset();
        Judge.PowerOn();
    }

    public override ulong ReadAt(Space space, int offset, int width) =>
        _intercepted is null ? _device.Read(offset, width) : IsIntercepted(offset, width) ? Carried(_intercepted.MmioRead(_start + (uint)offset, width), width) : 0;

    public override void WriteAt(Space space, int offset, int width, ulong value)
    {
        if (_intercepted is null) _device.Write(offset, width, value);
        else if (IsIntercepted(offset, width)) _intercepted.MmioWrite(_start + (uint)offset, width, Carried(value, width));
    }

    public override void Acknowledge() => Set(MmioRegister.InterruptAck, Get(MmioRegister.InterruptStatus) & 3);

    public override void WriteBypass(byte value) => Write(Space.Registers, (int)MmioRegister.Config + IommuConfig.BypassOffset, 1, value);

    protected override void Saw(Space space, int offset, int width, ulong value) => MmioJudge.Saw((uint)offset, width, value);

    protected override void Wrote(Space space, int offset, int width, ulong value) => MmioJudge.Wrote((uint)offset, width, value);

    protected override void WriteStatus(uint value) => Set(MmioRegister.Status, value);

    protected override void Notify(int queue) => Set(MmioRegister.QueueNotify, Judge.Rings[queue].Notification);

    protected override void LookAtInterrupts()
    {
        uint status = Get(MmioRegister.InterruptStatus);
        if ((_intercepted is null ? _device.InterruptAsserted : _intercepted.InterruptLine) is { } isAsserted) MmioJudge.SawLine(isAsserted, status);
    }

    protected override bool TryChangeBypass(bool bypass) => _intercepted?.TryChangeBypass(bypass) ?? base.TryChangeBypass(bypass);

    /// <summary>Reads the words of the offered features; each twice in a row, since what is read changes nothing.</summary>
    protected void ReadOffer()
    {
        for (uint word = 0; word < 3; word++)
        {
            Set(MmioRegister.DeviceFeaturesSel, word);
            Get(MmioRegister.DeviceFeatures);
            Get(MmioRegister.DeviceFeatures);
        }
    }

    protected uint Get(uint register) => (uint)Read(Space.Registers, (int)register, 4);

    protected void Set(uint register, uint value) => Write(Space.Registers, (int)register, 4, value);

    // An access on a bus has one of four widths, and what is somewhere else is no register of this device.
    private static bool IsIntercepted(int offset, int width) => width is 1 or 2 or 4 or 8 && offset >= 0 && offset < VirtioMmioDevice.Length;
}
