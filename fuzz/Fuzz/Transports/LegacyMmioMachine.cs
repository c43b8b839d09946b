using Viommu.Device.Transport.Mmio;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports;

/// <summary>virtio-mmio version 1 (section 4.2.4).</summary>
internal sealed class LegacyMmioMachine : RegisterMachine
{
    private const int GuestPageSize = 0x028;
    private const int QueueAlign = 0x03c;
    private const int QueuePfn = 0x040;
    private const int PageSize = 4096;
    private const uint Alive = MmioRegister.Acknowledge | MmioRegister.Driver | MmioRegister.DriverOk;

    private readonly VirtioMmioDevice _device;

    public LegacyMmioMachine(ModelVariation variation)
        : base(variation) =>
        _device = new(Device, RingMemory, new VirtioMmioOptions { Features = Offered, Legacy = true });

    public override uint Status => (uint)_device.Read(MmioRegister.Status, 4);

    public override void PowerOn() => _device.SystemReset();

    public override ulong ReadAt(Space space, int offset, int width) => _device.Read(offset, width);

    public override void WriteAt(Space space, int offset, int width, ulong value) => _device.Write(offset, width, value);

    protected override void Initialize()
    {
        Set(MmioRegister.Status, 0);
        Require(Status == 0, "the device status is not 0");
        Set(GuestPageSize, PageSize);
        Set(MmioRegister.Status, MmioRegister.Acknowledge | MmioRegister.Driver);
        Set(MmioRegister.DriverFeaturesSel, 0);
        Set(MmioRegister.DriverFeatures, (uint)(Features.IommuChapter & ~Features.Bypass));
        Set(MmioRegister.QueueSel, 0);
        Require(_device.Read(QueuePfn, 4) == 0, "a queue is in use");
        Set(MmioRegister.QueueSize, QueueSize);
        Set(QueueAlign, PageSize);
        Set(QueuePfn, (uint)(At(Descriptors) / PageSize));
        Set(MmioRegister.Status, Alive);
        Require(Status == Alive, "a legacy initialization does not end in DRIVER_OK");
    }

    protected override void Notify() => Set(MmioRegister.QueueNotify, 0);

    private void Set(int register, uint value) => _device.Write(register, 4, value);
}
