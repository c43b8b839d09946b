namespace Viommu.Conformance.Watching.Registers;

/// <summary>Where the structures of a virtio function are (4.1.4), and its MSI-X table, by BAR and offset.</summary>
internal sealed class PciLayout
{
    private const byte VendorSpecific = 0x09;
    private const byte MsiX = 0x11;
    private const int MostCapabilities = 48;

    private static readonly RegisterSpace[] VirtioTypes =
        [RegisterSpace.Elsewhere, RegisterSpace.PciCommon, RegisterSpace.PciNotify, RegisterSpace.PciIsr, RegisterSpace.PciDevice];

    private readonly List<Structure> structures = [];

    /// <summary>Where the structures are in byte-exact traces that do not show the capability list.</summary>
    public static PciLayout Default { get; } = MakeDefault();

    /// <summary>The structures, the first usable one of each kind first.</summary>
    public IReadOnlyList<Structure> Structures => structures;

    /// <summary>Distance of two notification addresses in bytes.</summary>
    public uint NotifyMultiplier { get; private set; }

    /// <summary>Reads the capability list; <paramref name="read"/> takes an offset and a width in configuration space.</summary>
    public static PciLayout Read(Func<int, int, uint> read)
    {
        var layout = new PciLayout();
        var offset = (int)read(0x34, 1) & ~3;
        for (var seen = 0; offset >= 0x40 && seen < MostCapabilities; seen++)
        {
            layout.Add(offset, (byte)read(offset, 1), read);
            offset = (int)read(offset + 1, 1) & ~3;
        }
        return layout;
    }

    /// <summary>The structure that holds an offset of a BAR; null where none does.</summary>
    public Structure? Find(int bar, ulong offset) => structures.Find(s => s.Bar == bar && offset >= s.Offset && offset - s.Offset < s.Length);

    private static PciLayout MakeDefault()
    {
        var layout = new PciLayout { NotifyMultiplier = 4 };
        layout.structures.AddRange(
        [
            new Structure(RegisterSpace.PciCommon, 0, 0x0000, 0x40, 0),
            new Structure(RegisterSpace.PciIsr, 0, 0x1000, 1, 0),
            new Structure(RegisterSpace.PciDevice, 0, 0x2000, 0x1000, 0),
            new Structure(RegisterSpace.PciNotify, 0, 0x3000, 0x1000, 0),
        ]);
        return layout;
    }

    private void Add(int at, byte id, Func<int, int, uint> read)
    {
        if (id == MsiX)
        {
            var vectors = (read(at + 2, 2) & 0x7ff) + 1;
            Place(RegisterSpace.MsixTable, read(at + 4, 4), vectors * 16);
            Place(RegisterSpace.MsixPending, read(at + 8, 4), (vectors + 63) / 64 * 8);
        }
        else if (id == VendorSpecific && read(at + 3, 1) is >= 1 and <= 4 and var type && read(at + 4, 1) is <= 5 and var bar)
        {
            var structure = new Structure(VirtioTypes[type], (int)bar, read(at + 8, 4), read(at + 12, 4), structures.Count(s => s.Space == VirtioTypes[type]));
            if (structure.Space == RegisterSpace.PciNotify && !structures.Exists(s => s.Space == RegisterSpace.PciNotify)) NotifyMultiplier = read(at + 16, 4);
            structures.Add(structure);
        }
    }

    private void Place(RegisterSpace space, uint place, uint length) => structures.Add(new(space, (int)(place & 7), place & ~7u, length, 0));

    /// <summary>A structure: its BAR, offset and length in bytes, and which of its kind it is.</summary>
    internal sealed record Structure(RegisterSpace Space, int Bar, uint Offset, uint Length, int Instance);
}
