using Viommu.Fuzz.Machines;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports.Judging;

/// <summary>What is common to both versions of virtio-mmio: one interrupt, and registers of 32 bits.</summary>
internal abstract class AnyMmioJudge(ShadowedMemory memory, FeatureLife features, ConfigurationLife configuration) : DeviceJudge(memory, features, configuration)
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
            case MmioRegister.DeviceFeatures: if (!IsLost && _offeredWord is { } word) FeatureBits.SawOffered(word, value); break;
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
