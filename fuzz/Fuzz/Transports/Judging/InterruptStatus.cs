namespace Viommu.Fuzz.Transports.Judging;

/// <summary>
/// The bits that tell a driver why it is interrupted, InterruptStatus of virtio-mmio or the ISR status of virtio-pci: which of them have to be
/// set, and which may be.
/// </summary>
internal sealed class InterruptStatus(string set, string clear)
{
    public const uint UsedBuffer = 1;
    public const uint Configuration = 2;
    private const uint Both = UsedBuffer | Configuration;

    private uint _certain;
    private uint _possible;

    // Why a bit has to be set, and why it must not be, where that is a rule of its own.
    private string _changeBecause = "";
    private string _withheldBecause = "";
    private string _resetBecause = "";
    private uint _beforeReset;
    private string _unwantedBecause = "";

    /// <summary>An event has taken place.</summary>
    public void Happened(uint bit)
    {
        _certain |= bit;
        _possible |= bit;
    }

    /// <summary>The configuration or the status has changed; <paramref name="rule"/> says that the driver is told, where it is not that of the register.</summary>
    public void Changed(string rule)
    {
        Happened(Configuration);
        _changeBecause = rule;
        _withheldBecause = "";
    }

    /// <summary>An event may have taken place.</summary>
    public void MayHaveHappened(uint bits = Both) => _possible |= bits;

    /// <summary>A change of the configuration of which the driver is not told for now, by that rule.</summary>
    public void Withheld(string rule) => _withheldBecause = rule;

    /// <summary>A used buffer that the driver does not want to be told of, by that rule.</summary>
    public void Suppressed(string rule) => _unwantedBecause = rule;

    /// <summary>The driver has acknowledged events, all of which are over; or <paramref name="bits"/> may be set still.</summary>
    public void Acknowledged(uint bits)
    {
        _certain &= ~bits;
        _possible &= ~bits;
    }

    /// <summary>A reset by which no event is left.</summary>
    public void Reset(string rule)
    {
        _beforeReset = _possible;
        _certain = _possible = 0;
        _resetBecause = rule;
        _unwantedBecause = _withheldBecause = "";
    }

    /// <summary>Nothing is certain any more.</summary>
    public void Forget()
    {
        _certain = 0;
        _possible = uint.MaxValue;
    }

    /// <summary>Whatever was certain is so no more.</summary>
    public void BecomesUnsure() => _certain = 0;

    /// <summary>Whether any bit is set is seen, but not which; <paramref name="rule"/> says that it is so.</summary>
    public void SawAny(bool isAny, string rule)
    {
        if (isAny && _possible == 0) Broken.Rule(RuleAgainst(0), "any", "an event is told of although nothing took place");
        if (!isAny && _certain != 0) Broken.Rule(rule, $"0x{_certain:x}", "an event took place, and nothing tells of it");
        if (!isAny && _possible != uint.MaxValue) _possible = 0;
    }

    /// <summary>The bits are read.</summary>
    public void Saw(uint value)
    {
        uint extra = value & ~_possible;
        uint missing = _certain & ~value;
        if (extra != 0) Broken.Rule(RuleAgainst(extra), $"0x{extra:x}", $"the bits of events are 0x{value:x}, of which 0x{extra:x} stand for nothing that took place");
        if (missing != 0) Broken.Rule((missing & Configuration) != 0 && _changeBecause.Length > 0 ? _changeBecause : set, $"0x{missing:x}", $"the bits of events are 0x{value:x}, and 0x{missing:x} is missing");
        if (_possible == uint.MaxValue) return;
        _certain = _possible = value & Both;
    }

    private string RuleAgainst(uint extra) => (extra & ~Both) != 0 ? clear
        : (extra & UsedBuffer) == 0 && _withheldBecause.Length > 0 ? _withheldBecause
        : (extra & Configuration) == 0 && _unwantedBecause.Length > 0 ? _unwantedBecause
        : (extra & ~_beforeReset & Both) == 0 ? _resetBecause : clear;
}
