using Viommu.Device.Transport.Mmio;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;

namespace Viommu.Fuzz.Transports;

/// <summary>virtio-mmio version 2 (section 4.2.2).</summary>
internal sealed class MmioMachine : RegisterMachine
{
    private const uint Alive = StatusBits.Acknowledge | StatusBits.Driver | StatusBits.FeaturesOk | StatusBits.DriverOk;

    private readonly VirtioMmioDevice _device;

    public MmioMachine(ModelVariation variation)
        : base(variation) =>
        _device = new(Device, RingMemory, new VirtioMmioOptions { Features = Offered });

    public override uint Status => _device.Get(MmioRegister.Status);

    public override void PowerOn() => _device.SystemReset();

    public override ulong ReadAt(Space space, int offset, int width) => _device.Read(offset, width);

    public override void WriteAt(Space space, int offset, int width, ulong value) => _device.Write(offset, width, value);

    protected override void Initialize()
    {
        _device.Set(MmioRegister.Status, 0);
        Require(Status == 0, "the device status is not 0");
        _device.Set(MmioRegister.Status, StatusBits.Acknowledge | StatusBits.Driver);
        _device.Set(MmioRegister.DriverFeaturesSel, 0);
        _device.Set(MmioRegister.DriverFeatures, (uint)Accepted);
        _device.Set(MmioRegister.DriverFeaturesSel, 1);
        _device.Set(MmioRegister.DriverFeatures, (uint)(Accepted >> 32));
        _device.Set(MmioRegister.Status, StatusBits.Acknowledge | StatusBits.Driver | StatusBits.FeaturesOk);
        _device.Set(MmioRegister.QueueSel, 0);
        Require(_device.Get(MmioRegister.QueueReady) == 0, "a queue is ready");
        _device.Set(MmioRegister.QueueSize, QueueSize);
        _device.Set(MmioRegister.QueueDescLow, (uint)At(Descriptors));
        _device.Set(MmioRegister.QueueDescHigh, 0);
        _device.Set(MmioRegister.QueueDriverLow, (uint)At(Available));
        _device.Set(MmioRegister.QueueDriverHigh, 0);
        _device.Set(MmioRegister.QueueDeviceLow, (uint)At(Used));
        _device.Set(MmioRegister.QueueDeviceHigh, 0);
        _device.Set(MmioRegister.QueueReady, 1);
        _device.Set(MmioRegister.Status, Alive);
        Require(Status == Alive, "a legal negotiation does not end in DRIVER_OK");
    }

    protected override void Notify() => _device.Set(MmioRegister.QueueNotify, 0);

}
