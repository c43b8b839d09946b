using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Wire;

namespace Viommu.Device.Tests.Support;

/// <summary>A transitional function, driven through the legacy header in its I/O BAR.</summary>
internal sealed class LegacyPciMachine : IMachine
{
    public const ushort Port = 0xc000;

    public LegacyPciMachine(int msixVectors = 3)
    {
        Pci = new(pci: new() { Transitional = true, MsixVectors = msixVectors });
        Pci.Function.ConfigWrite(0x10, 4, Port);
        Pci.Function.ConfigWrite(0x04, 2, 0x7);
    }

    /// <summary>The same function through its other interface.</summary>
    public Machine Pci { get; }

    public FlatGuestMemory Memory => Pci.Memory;

    public IommuDevice Device => Pci.Device;

    /// <summary>Where the device configuration starts: 20, or 24 while MSI-X is enabled.</summary>
    public int ConfigStart { get; set; } = 20;

    public byte Status
    {
        get => (byte)In(0x12, 1);
        set => Out(0x12, 1, value);
    }

    public uint In(int offset, int width)
    {
        Assert.True(Pci.Function.TryIoRead((ushort)(Port + offset), width, out uint value));
        return value;
    }

    public void Out(int offset, int width, uint value) => Assert.True(Pci.Function.TryIoWrite((ushort)(Port + offset), width, value));

    /// <summary>The header and the configuration, as they read.</summary>
    public uint[] Snapshot() =>
    [
        In(0x00, 4), In(0x04, 4), In(0x08, 4), In(0x0c, 2), In(0x0e, 2), In(0x10, 2), In(0x12, 1), In(0x13, 1),
        .. Enumerable.Range(0, 10).Select(i => In(ConfigStart + (4 * i), 4)),
    ];

    public void Notify(int queue) => Out(0x10, 2, (uint)queue);

    public ulong ReadConfig(int offset, int width) => In(ConfigStart + offset, width);

    public void WriteConfig(int offset, int width, ulong value) => Out(ConfigStart + offset, width, (uint)value);

    public (Ring Requests, Ring Events) Start(VirtioFeatures without = VirtioFeatures.None)
    {
        Status = 0;
        Status = 1;
        Status = 3;
        Out(0x04, 4, In(0x00, 4) & ~(uint)without);
        var requests = SetUpQueue(0, 16, 1);
        var events = SetUpQueue(1, 8, 4);
        Status = 7;
        Assert.Equal(7, Status);
        return (requests, events);
    }

    public Ring SetUpQueue(int queue, int size, uint page)
    {
        Out(0x0e, 2, (uint)queue);
        Assert.Equal((uint)size, In(0x0c, 2));
        Assert.Equal(0u, In(0x08, 4));
        Out(0x08, 4, page);
        Assert.Equal(page, In(0x08, 4));
        return LegacyRings.At(this, queue, size, page * 4096ul, 4096);
    }
}
