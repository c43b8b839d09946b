using Viommu.Fuzz.Machines;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;
using Fields = Viommu.Fuzz.Transports.Judging.QueueLife.Fields;

namespace Viommu.Fuzz.Transports.Judging;

/// <summary>Registers of virtio-mmio, version 2 (section 4.2.2).</summary>
internal sealed class MmioJudge(ShadowedMemory memory) : AnyMmioJudge(
    memory, new FeatureLife(isPci: false, isLegacy: false, "DESC-MMIO-01"), new ConfigurationLife(GenerationRules.Mmio))
{
    protected override uint Version => 2;

    protected override string VersionRule => "MMIO-REG-D-02";

    protected override string NoQueueRule => "DESC-MMIO-03";

    protected override QueueRules AfterReset => new("MMIO-REG-D-05", "MMIO-REG-D-07", "MMIO-REG-D-08", "");

    protected override QueueRules AfterQueueReset => new("MMIO-REG-D-12", "MMIO-REG-D-10", "MMIO-REG-D-12", "");

    protected override void SawOther(uint register, uint value)
    {
        switch (register)
        {
            case MmioRegister.QueueReady: if (Queue is { } queue) SawReady(queue, value); break;
            case MmioRegister.QueueReset: if (Queue is { } resetting && Has(Features.RingReset)) SawReset(resetting, value); break;
            case MmioRegister.ShmLenLow or MmioRegister.ShmLenHigh or MmioRegister.ShmBaseLow or MmioRegister.ShmBaseHigh:
                // A virtio-iommu has no shared memory (section 5.13).
                if (value != uint.MaxValue) Broken.Rule("DESC-MMIO-04", $"0x{register:x}", $"a shared memory region that there is not reads 0x{value:x} at 0x{register:x}");
                break;
            case MmioRegister.ConfigGeneration: if (!IsLost) Configuration.SawGeneration(value); break;
            default: Lost(); break;
        }
    }

    protected override void WroteOther(uint register, uint value)
    {
        switch (register)
        {
            case MmioRegister.QueueReady: WroteReady(value); break;
            case MmioRegister.QueueReset when value == 1 && Has(Features.RingReset) && Queue is not null: ResetsQueue((int)Selected!.Value); break;
            case MmioRegister.QueueSize: if (IsConfigurable) Queue!.SetSize(value); break;
            case MmioRegister.QueueDescLow: SetAddress(Fields.DescriptorsLow, value); break;
            case MmioRegister.QueueDescHigh: SetAddress(Fields.DescriptorsHigh, value); break;
            case MmioRegister.QueueDriverLow: SetAddress(Fields.DriverLow, value); break;
            case MmioRegister.QueueDriverHigh: SetAddress(Fields.DriverHigh, value); break;
            case MmioRegister.QueueDeviceLow: SetAddress(Fields.DeviceLow, value); break;
            case MmioRegister.QueueDeviceHigh: SetAddress(Fields.DeviceHigh, value); break;
            case MmioRegister.ShmSel: break;
            default: Lost(); break;
        }
    }

    private bool IsConfigurable
    {
        get
        {
            bool isConfigurable = Queue is { IsEnabled: false, IsBeingReset: false } && HasFeatures;
            if (!isConfigurable) Lost();
            return isConfigurable;
        }
    }

    private void SetAddress(Fields half, uint value)
    {
        if (IsConfigurable) Queue!.SetAddress(half, value);
    }

    private void WroteReady(uint value)
    {
        if (Queue is not { } queue || value > 1) Lost();
        else if (value == 1) EnablesQueue((int)Selected!.Value, "DESC-MMIO-07", "MMIO-REG-D-09");
        else queue.Begin(new("DESC-MMIO-07", "MMIO-REG-D-07", queue.ResetBecause, ""));
    }

    private void SawReady(QueueLife queue, uint value)
    {
        if (IsLost || queue.IsBeingReset || value == (queue.IsEnabled ? 1u : 0)) return;
        Broken.Rule(queue.EnabledBecause, $"QueueReady {value}", $"QueueReady of queue {Selected} reads {value}");
    }

    // MMIO-REG-D-11: 1 for as long as it takes.
    private void SawReset(QueueLife queue, uint value)
    {
        if (IsLost || (value == 1 && queue.IsBeingReset)) return;
        if (value != 0) Broken.Rule(queue.ResetBecause, $"QueueReset {value}", $"QueueReset of queue {Selected} reads {value}");
        queue.IsBeingReset = false;
    }
}
