using Viommu.Fuzz.Machines;
using Viommu.Guest.Transport;

namespace Viommu.Fuzz.Transports;

/// <summary>virtio-mmio version 1 (section 4.2.4).</summary>
internal sealed class LegacyMmioMachine(Subject subject) : AnyMmioMachine(subject, isLegacy: true)
{
    private const uint PageSize = 4096;
    private const uint Alive = StatusBits.Found | StatusBits.DriverOk;

    protected override void Initialize()
    {
        Set(MmioRegister.Status, 0);
        Require(Status == 0, "the device status is not 0");
        Set(MmioRegister.GuestPageSize, PageSize);
        Set(MmioRegister.Status, StatusBits.Found);
        Set(MmioRegister.DriverFeaturesSel, 0);
        Set(MmioRegister.DriverFeatures, (uint)Accepted);
        Set(MmioRegister.QueueSel, 0);
        Require(Get(MmioRegister.QueuePfn) == 0, "a queue is in use");
        Set(MmioRegister.QueueSize, QueueSize);
        Set(MmioRegister.QueueAlign, PageSize);
        Set(MmioRegister.QueuePfn, (uint)(At(Descriptors) / PageSize));
        Set(MmioRegister.Status, Alive);
        Require(Status == Alive, "a legacy initialization does not end in DRIVER_OK");
    }
}
