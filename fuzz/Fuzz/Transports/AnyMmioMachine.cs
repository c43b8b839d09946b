using Viommu.Device.Transport.Mmio;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;

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
        _intercepted = subject.Variation.Machine(new ShadowedTarget(slot, Memory));
    }

    protected override IReadOnlyList<(Space Space, int Offset, int Width)> Identity { get; } =
    [
        .. new[] { MmioRegister.MagicValue, MmioRegister.Version, MmioRegister.DeviceId, MmioRegister.VendorId }.Select(register => (Space.Registers, (int)register, 4)),
    ];

    public override uint Status => Get(MmioRegister.Status);

    public override void PowerOn()
    {
        if (_intercepted is null) _device.SystemReset();
        else _intercepted.SystemReset();
    }

    public override ulong ReadAt(Space space, int offset, int width) =>
        _intercepted is null ? _device.Read(offset, width) : IsIntercepted(offset, width) ? _intercepted.MmioRead(_start + (uint)offset, width) : 0;

    public override void WriteAt(Space space, int offset, int width, ulong value)
    {
        if (_intercepted is null) _device.Write(offset, width, value);
        else if (IsIntercepted(offset, width)) _intercepted.MmioWrite(_start + (uint)offset, width, Carried(value, width));
    }

    protected override void Notify() => Set(MmioRegister.QueueNotify, 0);

    protected uint Get(uint register) => (uint)ReadAt(Space.Registers, (int)register, 4);

    protected void Set(uint register, uint value) => WriteAt(Space.Registers, (int)register, 4, value);

    // An access on a bus has one of four widths, and what is somewhere else is no register of this device.
    private static bool IsIntercepted(int offset, int width) => width is 1 or 2 or 4 or 8 && offset >= 0 && offset < VirtioMmioDevice.Length;
}
