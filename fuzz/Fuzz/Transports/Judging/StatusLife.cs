using Viommu.Fuzz.Machines;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports.Judging;

/// <summary>The device status (section 2.1): what a driver may write there, and what it is to read then.</summary>
internal sealed class StatusLife(FeatureLife features)
{
    private const uint Any = 0xff;

    // Bits that may be either way, until they are read.
    private uint _free;
    private Cause _because;

    /// <summary>What the device tells by its status.</summary>
    public enum News
    {
        None,

        /// <summary>It sets FEATURES_OK.</summary>
        FeaturesOk,

        /// <summary>It sets DEVICE_NEEDS_RESET, since it can neither suspend nor resume.</summary>
        NeedsReset,
    }

    // Why it is what it is to be.
    private enum Cause
    {
        None,
        Reset,
        Acceptable,
        Unacceptable,
        EarlySuspend,
        Suspend,
        Resume,
    }

    /// <summary>What is to be read, or was.</summary>
    public uint Value { get; private set; }

    /// <summary>Nobody knows what it is until it is read.</summary>
    public bool IsUnsure => _free != 0;

    public bool IsLive => (Value & (StatusBits.DriverOk | StatusBits.Suspend | StatusBits.NeedsReset)) == StatusBits.DriverOk;

    public bool IsSuspended => (Value & StatusBits.Suspend) != 0;

    /// <summary>Features are negotiated.</summary>
    public bool HasFeatures => (Value & StatusBits.FeaturesOk) != 0;

    /// <summary>A device reset.</summary>
    public void Begin()
    {
        Value = 0;
        _free = 0;
        _because = Cause.Reset;
    }

    /// <summary>Nothing is known of it until the device is reset.</summary>
    public void Forget() => _free = Any;

    /// <summary>Whether a driver may write that now.</summary>
    public bool IsLegal(uint value)
    {
        // After FAILED a driver can do nothing but a reset (CORE-STATUS-V-03).
        const uint writable = StatusBits.Live | StatusBits.Suspend;
        uint added = value & ~Value;
        uint removed = Value & ~value;
        if ((value & ~writable) != 0 || (Value & StatusBits.NeedsReset) != 0) return false;
        if (IsSuspended) return (removed & ~StatusBits.Suspend) == 0 && (added & ~StatusBits.DriverOk) == 0;
        if (removed != 0) return false;
        return added is 0 or StatusBits.Acknowledge or StatusBits.Found
            || (added == StatusBits.Driver && (value & StatusBits.Acknowledge) != 0)
            || (added == StatusBits.FeaturesOk && (Value & StatusBits.Found) == StatusBits.Found)
            || (added == StatusBits.DriverOk && (Value & StatusBits.Negotiated) == StatusBits.Negotiated)
            || (added == StatusBits.Suspend && (features.Has(Features.Suspend) || (Value & StatusBits.DriverOk) == 0));
    }

    /// <summary>The driver writes what it may; true where that resumes the device.</summary>
    public bool Wrote(uint value)
    {
        uint added = value & ~Value;
        if (IsSuspended)
        {
            if ((added & StatusBits.DriverOk) == 0) return false;
            Value = (Value | added) & ~StatusBits.Suspend;
            _because = Cause.Resume;
            return true;
        }

        if ((added & StatusBits.Suspend) != 0) Suspends(added);
        else if ((added & StatusBits.FeaturesOk) != 0) Negotiates(added);
        else Value |= added;
        return false;
    }

    /// <summary>The driver reads it.</summary>
    public News Saw(uint value)
    {
        uint wrong = (value ^ Value) & ~_free;
        bool failsToMove = wrong != 0 && _because is Cause.Suspend or Cause.Resume && (value & StatusBits.NeedsReset) != 0;
        if (wrong != 0 && !failsToMove) Deny(value, wrong);
        bool isAgreed = (value & ~Value & StatusBits.FeaturesOk) != 0 || (_because == Cause.Acceptable && (value & StatusBits.FeaturesOk) != 0);
        Value = value;
        // CORE-SUSPEND-D-06 and -07: the other way out.
        if (failsToMove) return News.NeedsReset;
        if (_free == Any) return News.None;
        _free = 0;
        _because = Cause.None;
        return isAgreed ? News.FeaturesOk : News.None;
    }

    // CORE-SUSPEND-D-01.
    private void Suspends(uint added)
    {
        bool isRunning = (Value & StatusBits.DriverOk) != 0;
        _because = isRunning ? Cause.Suspend : Cause.EarlySuspend;
        Value = isRunning ? (Value | added) & ~StatusBits.DriverOk : Value | (added & ~StatusBits.Suspend);
    }

    private void Negotiates(uint added)
    {
        Value |= added;
        _because = features.IsAcceptable ? Cause.Acceptable : Cause.Unacceptable;
        if (_because == Cause.Acceptable) return;
        Value &= ~StatusBits.FeaturesOk;
        _free |= StatusBits.FeaturesOk;
    }

    private void Deny(uint value, uint wrong)
    {
        string state = $"0x{wrong:x}";
        string message = $"the device status is 0x{value:x}, not 0x{Value:x}";
        if ((wrong & value & StatusBits.NeedsReset) != 0) Broken.Rule("well-formed-rings-are-served", "status", message);
        string rule = _because switch
        {
            Cause.Reset => "CORE-RESET-D-01",
            Cause.Acceptable when (wrong & StatusBits.FeaturesOk) != 0 => features.IsAgreedBefore ? "CORE-FEAT-D-05" : "CORE-FEAT-D-02",
            Cause.EarlySuspend => "CORE-SUSPEND-D-01",
            Cause.Suspend => "CORE-SUSPEND-D-06",
            Cause.Resume => "CORE-SUSPEND-D-07",
            _ => "status-is-what-was-written",
        };
        Broken.Rule(rule, state, message);
    }
}
