using Viommu.Fuzz.Machines;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;
using Fields = Viommu.Fuzz.Transports.Judging.QueueLife.Fields;

namespace Viommu.Fuzz.Transports.Judging;

/// <summary>What is common to both versions of virtio-mmio: one interrupt, and registers of 32 bits.</summary>
internal abstract class AnyMmioJudge(ShadowedMemory memory, ConfigurationLife configuration) : DeviceJudge(memory, configuration)
{
    private const uint Magic = 0x74726976;

    // Selectors that were written since the reset: before, nobody knows what is selected.
    private uint? _offeredWord;
    private uint? _acceptedWord;

    /// <summary>The queue that is selected; null where that is not known.</summary>
    protected uint? Selected { get; private set; }

    protected InterruptStatus Interrupts { get; } = new("MMIO-REG-D-03", "MMIO-REG-D-04");

    /// <summary>The selected queue, where it is one that there is.</summary>
    protected QueueLife? Queue => Selected is < QueueCount ? Queues[Selected.Value] : null;

    protected override bool IsPci => false;

    protected override string SelectsWord => "DESC-MMIO-01";

    protected abstract uint Version { get; }

    protected abstract string VersionRule { get; }

    /// <summary>The rule by which a queue that is not available has no size.</summary>
    protected abstract string NoQueueRule { get; }

    public override void Lost()
    {
        base.Lost();
        Interrupts.Forget();
    }

    /// <summary>A driver reads a register.</summary>
    public void Saw(uint register, int width, ulong value)
    {
        if (register >= MmioRegister.Config) SawConfiguration((int)(register - MmioRegister.Config), width, value);
        else if (width != 4 || register % 4 != 0) Lost();
        else SawAny(register, (uint)value);
    }

    /// <summary>A driver has written a register.</summary>
    public void Wrote(uint register, int width, ulong value)
    {
        if (register >= MmioRegister.Config) WroteConfiguration((int)(register - MmioRegister.Config), width, value);
        else if (width != 4 || register % 4 != 0) Lost();
        else WroteAny(register, (uint)value);
    }

    /// <summary>The level of the interrupt, and what InterruptStatus reads at that moment.</summary>
    public void SawLine(bool isAsserted, uint interruptStatus)
    {
        if (isAsserted != (interruptStatus != 0)) Broken.Rule("DESC-MMIO-05", "", $"the interrupt is {(isAsserted ? "" : "not ")}asserted while InterruptStatus is 0x{interruptStatus:x}");
    }

    protected override void BeginLife()
    {
        base.BeginLife();
        _offeredWord = _acceptedWord = Selected = null;
        Interrupts.Reset("MMIO-REG-D-05");
    }

    protected override void QueueUsed(int queue, bool isWanted)
    {
        if (isWanted) Interrupts.Happened(InterruptStatus.UsedBuffer);
        else Interrupts.Suppressed(Has(Features.EventIdx) ? "SPLIT-USEDSUPP-D-06" : "SPLIT-USEDSUPP-D-02");
    }

    protected override void TellsOfChange(string rule) => Interrupts.Changed(rule);

    protected override void WithholdsChange(string rule) => Interrupts.Withheld(rule);

    protected override void MayTellOfChange() => Interrupts.MayHaveHappened(InterruptStatus.Configuration);

    /// <summary>Reads that mean the same in both versions; the others are for <see cref="SawOther"/>.</summary>
    private void SawAny(uint register, uint value)
    {
        switch (register)
        {
            case MmioRegister.MagicValue: if (value != Magic) Broken.Rule("MMIO-REG-D-01", "", $"MagicValue reads 0x{value:x}"); break;
            case MmioRegister.Version: if (value != Version) Broken.Rule(VersionRule, "", $"Version reads {value}"); break;
            case MmioRegister.DeviceId or MmioRegister.VendorId: break;
            case MmioRegister.DeviceFeatures: if (!IsLost && _offeredWord is { } word) SawOffered(word, value); break;
            case MmioRegister.QueueSizeMax: if (!IsLost && Selected is >= QueueCount && value != 0) Broken.Rule(NoQueueRule, "", $"queue {Selected} has size {value}"); break;
            case MmioRegister.InterruptStatus: Interrupts.Saw(value); break;
            case MmioRegister.Status: SawStatus(value); break;
            default: SawOther(register, value); break;
        }
    }

    private void WroteAny(uint register, uint value)
    {
        switch (register)
        {
            case MmioRegister.DeviceFeaturesSel: _offeredWord = value; break;
            case MmioRegister.DriverFeaturesSel: _acceptedWord = value; break;
            case MmioRegister.DriverFeatures when _acceptedWord is { } word: Accepts(word, value); break;
            case MmioRegister.QueueSel: Selected = value; break;
            case MmioRegister.QueueNotify: Notifies(value); break;
            case MmioRegister.InterruptAck when value < 4: if (!IsLost) Interrupts.Acknowledged(value); break;
            case MmioRegister.Status: WroteStatus(value); break;
            default: if (!IsLost) WroteOther(register, value); break;
        }
    }

    /// <summary>A driver reads a register that is not in both versions, or that nobody may read.</summary>
    protected abstract void SawOther(uint register, uint value);

    /// <summary>A driver writes a register that is not in both versions, or that nobody may write.</summary>
    protected abstract void WroteOther(uint register, uint value);
}

/// <summary>Registers of virtio-mmio, version 2 (section 4.2.2).</summary>
internal sealed class MmioJudge(ShadowedMemory memory) : AnyMmioJudge(memory, new("MMIO-REG-D-06", "DESC-MMIO-08"))
{
    protected override uint Version => 2;

    protected override string VersionRule => "MMIO-REG-D-02";

    protected override string NoQueueRule => "DESC-MMIO-03";

    protected override (string Enabled, string Untouched, string Reset, string Size) AfterReset => ("MMIO-REG-D-05", "MMIO-REG-D-07", "MMIO-REG-D-08", "");

    protected override (string Enabled, string Untouched, string Reset, string Size) AfterQueueReset => ("MMIO-REG-D-12", "MMIO-REG-D-10", "MMIO-REG-D-12", "");

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
            bool isConfigurable = Queue is { IsEnabled: false, IsBeingReset: false } && (Status & StatusBits.FeaturesOk) != 0;
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
        else queue.Begin("DESC-MMIO-07", "MMIO-REG-D-07", queue.ResetBecause, "");
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
