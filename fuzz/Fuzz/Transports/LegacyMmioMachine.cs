using Viommu.Device.Transport.Mmio;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports;

/// <summary>virtio-mmio version 1 (section 4.2.4).</summary>
internal sealed class LegacyMmioMachine : RegisterMachine
{
    private const uint PageSize = 4096;
    private const uint Alive = StatusBits.Acknowledge | StatusBits.Driver | StatusBits.DriverOk;

    private readonly VirtioMmioDevice _device;

    public LegacyMmioMachine(ModelVariation variation)
        : base(variation) =>
        _device = new(Device, RingMemory, new VirtioMmioOptions { Features = Offered, Legacy = true });

    public override uint Status => _device.Get(MmioRegister.Status);

    public override void PowerOn() => _device.SystemReset();

    public override ulong ReadAt(Space space, int offset, int width) => _device.Read(offset, width);

    public override void WriteAt(Space space, int offset, int width, ulong value) => _device.Write(offset, width, value);

    protected override void Initialize()
    {
        _device.Set(MmioRegister.Status, 0);
        Require(Status == 0, "the device status is not 0");
        _device.Set(MmioRegister.GuestPageSize, PageSize);
        _device.Set(MmioRegister.Status, StatusBits.Acknowledge | StatusBits.Driver);
        _device.Set(MmioRegister.DriverFeaturesSel, 0);
        _device.Set(MmioRegister.DriverFeatures, (uint)(Features.IommuChapter & ~Features.Bypass));
        _device.Set(MmioRegister.QueueSel, 0);
        Require(_device.Get(MmioRegister.QueuePfn) == 0, "a queue is in use");
        _device.Set(MmioRegister.QueueSize, QueueSize);
        _device.Set(MmioRegister.QueueAlign, PageSize);
        _device.Set(MmioRegister.QueuePfn, (uint)(At(Descriptors) / PageSize));
        _device.Set(MmioRegister.Status, Alive);
        Require(Status == Alive, "a legacy initialization does not end in DRIVER_OK");
    }

    protected override void Notify() => _device.Set(MmioRegister.QueueNotify, 0);

}
