namespace Viommu.Fuzz.Transports.Judging;

/// <summary>A virtio structure in a BAR (section 4.1.4).</summary>
/// <param name="Offset">Where it starts.</param>
/// <param name="Length">In bytes.</param>
internal readonly record struct PciStructure(int Offset, int Length)
{
    public bool Holds(int offset) => offset >= Offset && offset - Offset < Length;
}

/// <summary>
/// Where a function has its structures, as its capabilities say: the first of each type, and the last, which is as good (PCI-CAP-D-02). Only
/// what is in the BAR of the first common configuration counts.
/// </summary>
internal sealed class PciStructures
{
    public const int Common = 1;
    public const int Notify = 2;
    public const int Isr = 3;
    public const int Device = 4;
    public const int Window = 5;
    private const int Types = 6;

    private readonly PciStructure[] _first = new PciStructure[Types];
    private readonly PciStructure[] _last = new PciStructure[Types];
    private readonly int[] _multipliers = new int[2];

    /// <summary>The capability with the window into the BARs; 0 where there is none.</summary>
    public int WindowAt { get; private set; }

    /// <summary>The capability for MSI-X; 0 where there is none.</summary>
    public int MsixAt { get; private set; }

    /// <summary>Number of MSI-X vectors.</summary>
    public int Vectors { get; private set; }

    /// <summary>The BAR that the structures are in.</summary>
    public int Bar { get; private set; } = -1;

    /// <summary>True once there is anything.</summary>
    public bool AreFound => _first[Common].Length > 0;

    /// <summary>The structure of that type; <paramref name="isOther"/> for the last of several.</summary>
    public PciStructure Of(int type, bool isOther) => isOther ? _last[type] : _first[type];

    /// <summary>How far apart doorbells are.</summary>
    public int Multiplier(bool isOther) => _multipliers[isOther ? 1 : 0];

    /// <summary>Which type of structure is at an offset, and how far into it; false where there is none.</summary>
    public bool TryLocate(int offset, out int type, out int within, out bool isOther)
    {
        for (type = Common; type <= Device; type++)
        {
            isOther = !_first[type].Holds(offset);
            if (isOther && !_last[type].Holds(offset)) continue;
            within = offset - (isOther ? _last[type] : _first[type]).Offset;
            return true;
        }

        (within, isOther) = (0, false);
        return false;
    }

    /// <summary>A capability of virtio was found.</summary>
    public void Add(int type, int at, int bar, PciStructure structure, int multiplier)
    {
        if (type == Window)
        {
            if (WindowAt == 0) WindowAt = at;
            return;
        }

        if (type is < Common or > Device || bar > 5) return;
        if (type == Common && Bar < 0) Bar = bar;
        if (bar != Bar) return;
        _last[type] = structure;
        if (_first[type].Length == 0) _first[type] = structure;
        if (type != Notify) return;
        _multipliers[1] = multiplier;
        if (structure == _first[Notify]) _multipliers[0] = multiplier;
    }

    /// <summary>The capability for MSI-X was found.</summary>
    public void AddMsix(int at, int vectors) => (MsixAt, Vectors) = (at, vectors);
}
