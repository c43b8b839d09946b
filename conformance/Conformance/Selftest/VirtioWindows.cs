using Viommu.Guest.Pci;

namespace Viommu.Conformance.Selftest;

/// <summary>Where the virtio structures of a function are at this moment (4.1.4), wherever the driver has placed its BARs.</summary>
internal sealed record VirtioWindows(VirtioWindows.Window Common, VirtioWindows.Window Notify, VirtioWindows.Window Isr, VirtioWindows.Window Device)
{
    private const int CommonType = 1;
    private const int NotifyType = 2;
    private const int IsrType = 3;
    private const int DeviceType = 4;

    public static VirtioWindows Find(PciFunction function)
    {
        var found = new Dictionary<int, Window>();
        foreach (var capability in function.Capabilities().Where(capability => capability.Id == PciCapability.VendorSpecific))
        {
            var bar = (int)function.Read(capability.Offset + 4, 1);
            if (bar > 5) continue;
            var start = (function.Read(0x10 + 4 * bar, 4) & ~0xfu) + (ulong)function.Read(capability.Offset + 8, 4);
            found.TryAdd((int)function.Read(capability.Offset + 3, 1), new Window(start, function.Read(capability.Offset + 12, 4)));
        }
        return new VirtioWindows(found[CommonType], found[NotifyType], found[IsrType], found[DeviceType]);
    }

    /// <summary>A structure: its first address, and its length in bytes.</summary>
    public readonly record struct Window(ulong First, uint Length)
    {
        public bool Holds(ulong address) => address >= First && address - First < Length;

        public uint OffsetOf(ulong address) => (uint)(address - First);
    }
}
