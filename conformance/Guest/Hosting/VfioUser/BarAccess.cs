using Viommu.Guest.Pci;

namespace Viommu.Guest.Hosting.VfioUser;

/// <summary>The regions of a function, as vfio numbers them: its BARs and its configuration space, each by offset.</summary>
internal sealed class BarAccess
{
    /// <summary>The number of the configuration space.</summary>
    public const int Configuration = 7;

    /// <summary>How many regions vfio speaks of: six BARs, ROM, configuration space, VGA.</summary>
    public const int Count = 9;

    private const int BarCount = 6;
    private const int FirstBar = 0x10;
    private const int InterruptPin = 0x3d;
    private const int ConfigurationSize = 0x100;
    private const uint AddressBits = ~0xfu;
    private const int CapabilityList = 0x34;

    private readonly IHostedFunction _own;
    private readonly IHostedFunction _driven;
    private readonly uint[] _sizes;
    private readonly int _tableBar;
    private readonly int _tableOffset;

    /// <summary>Finds out how large the BARs are.</summary>
    /// <param name="own">The function, in reset, as this process reaches it for purposes of its own.</param>
    /// <param name="driven">The same function as the guest is to reach it, with whoever watches that in between.</param>
    public BarAccess(IHostedFunction own, IHostedFunction driven)
    {
        (_own, _driven) = (own, driven);
        _sizes = [.. Enumerable.Range(0, BarCount).Select(SizeOf)];
        int msix = FindMsix() ?? throw new ArgumentException("the function has no MSI-X, which is the way interrupts take", nameof(own));
        VectorCount = (own.ConfigRead(msix + 2, 2) & 0x7ff) + 1;
        uint table = own.ConfigRead(msix + 4, 4);
        (_tableBar, _tableOffset) = ((int)(table & 7), (int)(table & ~7u));
    }

    /// <summary>How many vectors its MSI-X table has.</summary>
    public uint VectorCount { get; }

    /// <summary>In bytes; 0 for what is not there.</summary>
    public uint SizeOfRegion(uint region) => region == Configuration ? ConfigurationSize : region < BarCount ? _sizes[region] : 0;

    /// <summary>Reads as the machine asked, in one access where there is one of that width, else in as few as there are.</summary>
    public void Read(uint region, ulong offset, Span<byte> into)
    {
        foreach (var (at, width) in Parts(offset, into.Length, WidestIn(region)))
        {
            ulong value = region == Configuration ? ReadConfiguration((int)at, width) : _driven.MemoryRead(AddressOf(region) + at, width);
            for (int i = 0; i < width; i++) into[(int)(at - offset) + i] = (byte)(value >> (8 * i));
        }
    }

    /// <summary>Writes as <see cref="Read"/> reads.</summary>
    public void Write(uint region, ulong offset, ReadOnlySpan<byte> bytes) => Write(_driven, region, offset, bytes);

    /// <summary>Fills in an entry of the MSI-X table, which the guest's own writes do not reach.</summary>
    public void WriteMsixEntry(int vector, ReadOnlySpan<byte> entry) => Write(_own, (uint)_tableBar, (ulong)(_tableOffset + (vector * entry.Length)), entry);

    private void Write(IHostedFunction function, uint region, ulong offset, ReadOnlySpan<byte> bytes)
    {
        foreach (var (at, width) in Parts(offset, bytes.Length, WidestIn(region)))
        {
            ulong value = 0;
            for (int i = 0; i < width; i++) value |= (ulong)bytes[(int)(at - offset) + i] << (8 * i);
            if (region == Configuration) function.ConfigWrite((int)at, width, (uint)value);
            else function.MemoryWrite(AddressOf(region) + at, width, value);
        }
    }

    private static int WidestIn(uint region) => region == Configuration ? sizeof(uint) : sizeof(ulong);

    private static List<(ulong At, int Width)> Parts(ulong offset, int length, int widest)
    {
        var parts = new List<(ulong, int)>();
        for (ulong end = offset + (ulong)length; offset < end;)
        {
            int width = widest;
            while (offset % (ulong)width != 0 || (ulong)width > end - offset) width /= 2;
            parts.Add((offset, width));
            offset += (ulong)width;
        }

        return parts;
    }

    // Without an interrupt pin nobody looks for a line, which would have no way to the guest.
    private uint ReadConfiguration(int offset, int width)
    {
        uint value = _driven.ConfigRead(offset, width);
        return offset <= InterruptPin && InterruptPin < offset + width ? value & ~(0xffu << (8 * (InterruptPin - offset))) : value;
    }

    private ulong AddressOf(uint bar) => _own.ConfigRead(FirstBar + (4 * (int)bar), 4) & AddressBits;

    private uint SizeOf(int bar)
    {
        const uint wide = 4;
        int register = FirstBar + (4 * bar);
        uint before = _own.ConfigRead(register, 4);
        if ((before & wide) != 0) throw new ArgumentException("a BAR of 64 bits, of which nothing here knows the upper half");
        _own.ConfigWrite(register, 4, uint.MaxValue);
        uint bits = _own.ConfigRead(register, 4) & AddressBits;
        _own.ConfigWrite(register, 4, before);
        return bits == 0 ? 0 : ~bits + 1;
    }

    private int? FindMsix()
    {
        int at = (int)_own.ConfigRead(CapabilityList, 1);
        for (int left = ConfigurationSize / 4; at != 0 && left > 0; left--, at = (int)_own.ConfigRead(at + 1, 1))
        {
            if (_own.ConfigRead(at, 1) == PciCapability.MsiX) return at;
        }

        return null;
    }
}
