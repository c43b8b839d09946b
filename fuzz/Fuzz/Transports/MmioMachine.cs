using Viommu.Fuzz.Machines;
using Viommu.Guest.Transport;

namespace Viommu.Fuzz.Transports;

/// <summary>virtio-mmio version 2 (section 4.2.2).</summary>
internal sealed class MmioMachine(Subject subject) : AnyMmioMachine(subject, isLegacy: false)
{
    private const uint Alive = StatusBits.Live;

    protected override void Initialize()
    {
        Set(MmioRegister.Status, 0);
        Require(Status == 0, "the device status is not 0");
        Set(MmioRegister.Status, StatusBits.Found);
        Set(MmioRegister.DriverFeaturesSel, 0);
        Set(MmioRegister.DriverFeatures, (uint)Accepted);
        Set(MmioRegister.DriverFeaturesSel, 1);
        Set(MmioRegister.DriverFeatures, (uint)(Accepted >> 32));
        Set(MmioRegister.Status, StatusBits.Negotiated);
        Set(MmioRegister.QueueSel, 0);
        Require(Get(MmioRegister.QueueReady) == 0, "a queue is ready");
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
}
