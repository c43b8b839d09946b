using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports.Judging;

/// <summary>The device configuration (section 2.5): what a driver has read of it, and when the generation has to move.</summary>
internal sealed class ConfigurationLife(GenerationRules generation)
{
    // Fields are 32 bits wide where they are not bypass: what is wider is read in halves.
    private readonly uint?[] _fields = new uint?[IommuConfig.BypassOffset / 4];

    private uint? _generation;
    private bool _mayMove;
    private int? _changed;

    // What has changed since anything was read: the generation may move with the next read, whichever it is; it has to if that is of what
    // the machine has changed.
    private bool _isChangeUnread;
    private bool _isMoveDue;

    /// <summary>What bypass reads; null where nobody knows.</summary>
    public byte? Bypass { get; private set; }

    /// <summary>The rule by which bypass reads that.</summary>
    public string BypassBecause { get; private set; } = "";

    /// <summary>Nothing is known.</summary>
    public void Forget()
    {
        Array.Clear(_fields);
        Bypass = null;
        _isChangeUnread = false;
        ForgetGeneration();
    }

    /// <summary>A reset may do with the generation as it likes, and so may a device whose driver misbehaves.</summary>
    public void ForgetGeneration()
    {
        _generation = null;
        _changed = null;
        _mayMove = _isMoveDue = false;
    }

    /// <summary>From now on bypass is that, or unknown.</summary>
    public void SetBypass(byte? value, string because)
    {
        if (value is null || value != Bypass) _isChangeUnread = true;
        Bypass = value;
        BypassBecause = because;
    }

    /// <summary>The machine, not the driver, has changed bypass.</summary>
    public void BypassChanged(byte value)
    {
        SetBypass(value, "bypass-is-what-it-was-set-to");
        _isChangeUnread = _isMoveDue = true;
    }

    /// <summary>The driver reads 32 bits at an offset before bypass.</summary>
    public void SawField(int offset, uint value)
    {
        ref uint? field = ref _fields[offset / 4];
        Read();
        if (field is { } known && known != value) _changed ??= offset;
        field = value;
        _isMoveDue = false;
    }

    /// <summary>The driver reads bypass.</summary>
    public void SawBypass(byte value)
    {
        if (Bypass is { } known && known != value) Broken.Rule(BypassBecause, "bypass", $"bypass reads {value} where it is {known}");
        if (value > 1) Broken.Rule("IOMMU-CFG-D-06", "bypass", $"bypass reads {value}");
        Bypass = value;
        Read();
        if (_isMoveDue && generation.CountsBytes) _changed ??= IommuConfig.BypassOffset;
        _isMoveDue = false;
    }

    /// <summary>The driver reads the generation.</summary>
    public void SawGeneration(uint value)
    {
        if (_generation is { } before)
        {
            if (_changed is { } offset && value == before) Broken.Rule(generation.Moves, $"0x{offset:x}", $"the generation is 0x{value:x} as before, although what is read at 0x{offset:x} is not");
            if (value != before && generation.Stays is { } rule && !_mayMove && !_isChangeUnread && _changed is null)
                Broken.Rule(rule, "", $"the generation was 0x{before:x} and is 0x{value:x}, although nothing has changed");
        }

        _generation = value;
        _changed = null;
        _mayMove = false;
    }

    private void Read()
    {
        if (!_isChangeUnread) return;
        _isChangeUnread = false;
        _mayMove = true;
    }
}
