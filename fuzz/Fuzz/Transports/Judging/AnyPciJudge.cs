using Viommu.Fuzz.Machines;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports.Judging;

/// <summary>What is common to both interfaces of a virtio-pci function: the ISR status, messages, and what the command register allows.</summary>
internal abstract class AnyPciJudge(ShadowedMemory memory, FeatureLife features, ConfigurationLife configuration, string isr) : DeviceJudge(memory, features, configuration)
{
    private bool _wasPending;

    public MessageJudge Messages { get; } = new(memory);

    /// <summary>BARs are where they were placed, and decoded or not as <see cref="HasMemorySpace"/> says.</summary>
    public bool IsReachable { get; private set; }

    /// <summary>Memory Space Enable.</summary>
    public bool HasMemorySpace { get; private set; }

    /// <summary>Bus Master Enable.</summary>
    public bool IsBusMaster { get; private set; }

    /// <summary>Interrupt Disable.</summary>
    public bool IsLineDisabled { get; private set; }

    protected InterruptStatus Interrupts { get; } = new(isr, isr);

    public override void Lost()
    {
        base.Lost();
        Interrupts.Forget();
        Messages.MayHappen();
    }

    /// <summary>The driver has placed the BARs and written the command register.</summary>
    public void Placed() => IsReachable = true;

    /// <summary>Somebody has moved the BARs, or may have.</summary>
    public void Moved()
    {
        IsReachable = false;
        Lost();
    }

    /// <summary>Somebody has written to what messages depend on.</summary>
    public void TamperedWithMessages()
    {
        Messages.Tamper();
        Lost();
    }

    /// <summary>Somebody has written through the window of configuration space, wherever that leads to.</summary>
    public void WroteAnywhere()
    {
        Configuration.SetBypass(null, "");
        TamperedWithMessages();
    }

    /// <summary>The driver writes the command register.</summary>
    public void Commands(bool hasMemorySpace, bool isBusMaster, bool isLineDisabled)
    {
        HasMemorySpace = hasMemorySpace;
        IsBusMaster = isBusMaster;
        IsLineDisabled = isLineDisabled;
        Messages.Allow(isBusMaster);
        NoteServing();
    }

    /// <summary>The driver enables messages, or disables them.</summary>
    public void ControlsMessages(bool isEnabled, bool isMasked)
    {
        // Whether an event of before is told of in the other way is up to the device.
        if (isEnabled != Messages.IsEnabled)
        {
            Interrupts.MayHaveHappened();
            Interrupts.BecomesUnsure();
            Messages.MayHappen();
        }

        Messages.Control(isEnabled, isMasked);
    }

    /// <summary>Interrupt Status of configuration space, and the interrupt line.</summary>
    public void SawLine(bool isPending, bool? isAsserted)
    {
        if (!IsJudgedByLine) return;
        if (isAsserted is { } line && line != (isPending && !IsLineDisabled)) Broken.Rule("PCI-GEN-D-01", "INTx", $"INTx is {(line ? "" : "not ")}asserted while Interrupt Status is {isPending} and Interrupt Disable is {IsLineDisabled}");
        if (Messages.IsEnabled)
        {
            if (isPending && !_wasPending && !IsLost) Broken.Rule(LineBecause, "INTx", "Interrupt Status is set while MSI-X is enabled");
        }
        else if (!IsLost)
        {
            Interrupts.SawAny(isPending, "PCI-ISR-D-04");
        }

        _wasPending = isPending;
    }

    /// <summary>Whether the spec says of this interface what its interrupt line tells.</summary>
    protected virtual bool IsJudgedByLine => true;

    /// <summary>The rule by which nothing that happened last is told of by INTx while messages are enabled.</summary>
    private string LineBecause { get; set; } = "PCI-UNOTIFY-D-01";

    protected override bool MayServe => IsLive && IsBusMaster;

    protected override bool MayAccessMemory => Messages.IsEnabled;

    protected override string? NotServedBecause => IsBusMaster ? null : "PCI-GEN-D-01";

    public override void PowerOn()
    {
        IsReachable = false;
        _wasPending = false;
        base.PowerOn();
    }

    protected override void BeginLife()
    {
        base.BeginLife();
        Interrupts.Reset("CORE-RESET-D-02");
        Messages.Reset();
        if (Messages.IsTampered) Lost();
    }

    protected override void QueueUsed(int queue, bool isWanted)
    {
        LineBecause = "PCI-UNOTIFY-D-01";
        if (!isWanted)
        {
            string rule = Has(Features.EventIdx) ? "SPLIT-USEDSUPP-D-06" : "SPLIT-USEDSUPP-D-02";
            Interrupts.Suppressed(rule);
            Messages.Suppressed(rule);
        }
        else if (Messages.IsEnabled)
        {
            // PCI-ISR-D-03 is for INTx.
            Interrupts.MayHaveHappened(InterruptStatus.UsedBuffer);
            Messages.Happened(queue, "PCI-MSIX-D-04");
        }
        else
        {
            Interrupts.Happened(InterruptStatus.UsedBuffer);
        }
    }

    protected override void TellsOfChange(string rule)
    {
        LineBecause = "PCI-CNOTIFY-D-02";
        Interrupts.Changed("PCI-ISR-D-02");
        Messages.Happened(MessageJudge.ConfigurationEvent, rule.Length > 0 ? rule : "PCI-MSIX-D-04");
    }

    protected override void WithholdsChange(string rule) => Interrupts.Withheld(rule);

    protected override void MayTellOfChange()
    {
        Interrupts.MayHaveHappened(InterruptStatus.Configuration);
        Messages.MayHappen();
    }

    /// <summary>The driver reads the ISR status.</summary>
    protected void SawIsr(uint value)
    {
        Interrupts.Saw(value);
        if (!IsLost) Interrupts.Reset("PCI-ISR-D-05");
    }
}
