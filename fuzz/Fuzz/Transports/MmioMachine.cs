using Viommu.Device.Transport.Mmio;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Targets.Model;

namespace Viommu.Fuzz.Transports;

/// <summary>virtio-mmio version 2 (section 4.2.2).</summary>
internal sealed class MmioMachine : RegisterMachine
{
    private const uint Alive = MmioRegister.Acknowledge | MmioRegister.Driver | MmioRegister.FeaturesOk | MmioRegister.DriverOk;

    private readonly VirtioMmioDevice _device;

    public MmioMachine(ModelVariation variation)
        : base(variation) =>
        _device = new(Device, RingMemory, new VirtioMmioOptions { Features = Offered });

    public override uint Status => (uint)_device.Read(MmioRegister.Status, 4);

    public override void PowerOn() => _device.SystemReset();

    public override ulong ReadAt(Space space, int offset, int width) => _device.Read(offset, width);

    public override void WriteAt(Space space, int offset, int width, ulong value) => _device.Write(offset, width, value);

    protected override void Initialize()
    {
        Set(MmioRegister.Status, 0);
        Require(Status == 0, "the device status is not 0");
        Set(MmioRegister.Status, MmioRegister.Acknowledge | MmioRegister.Driver);
        Set(MmioRegister.DriverFeaturesSel, 0);
        Set(MmioRegister.DriverFeatures, (uint)Accepted);
        Set(MmioRegister.DriverFeaturesSel, 1);
        Set(MmioRegister.DriverFeatures, (uint)(Accepted >> 32));
        Set(MmioRegister.Status, MmioRegister.Acknowledge | MmioRegister.Driver | MmioRegister.FeaturesOk);
        Set(MmioRegister.QueueSel, 0);
        Require(_device.Read(MmioRegister.QueueReady, 4) == 0, "a queue is ready");
        Set(MmioRegister.QueueSize, QueueSize);
        Set(MmioRegister.QueueDescLow, (uint)At(Descriptors));
        Set(MmioRegister.QueueDescHigh, 0);
        Set(MmioRegister.QueueDriverLow, (uint)At(Available));
        Set(MmioRegister.QueueDriverHigh, 0);
        Set(MmioRegister.QueueDeviceLow, (uint)At(Used));
        Set(MmioRegister.QueueDeviceHigh, 0);
        Set(MmioRegister.QueueReady, 1);
        Set(MmioRegister.Status, Alive);
        Require(Status == Alive, "a legal negotiation does not end in DRIVER_OK");
    }

    protected override void Notify() => Set(MmioRegister.QueueNotify, 0);

    private void Set(int register, uint value) => _device.Write(register, 4, value);
}
