using System.Buffers.Binary;

namespace Viommu.Conformance.Watching.Pci;

/// <summary>PCI configuration access capability (4.1.4.9), driver's side.</summary>
internal static class PciConfigurationAccess
{
    [Rule("PCI-CFGACC-V-01", Needs = Sight.PciConfiguration, Transports = [WatchedTransport.Pci],
        Does = "Looks at cap.offset and cap.length whenever the driver accesses pci_cfg_data.",
        Reading = "The offset is a multiple of the length. Accesses while cap.length is 0 are those of a tool that shows configuration space, and are not looked at.")]
    public static void The_window_is_aligned(Judge judge, RegisterAccess seen)
    {
        if (Window.Accessed(judge, seen) is { } window)
            judge.That(window.Offset % window.Length == 0, "a window at a multiple of its length", $"{seen}, with a window of {window.Length} bytes at 0x{window.Offset:x}");
    }

    [Rule("PCI-CFGACC-V-02", Needs = Sight.PciConfiguration, Transports = [WatchedTransport.Pci],
        Does = "Compares cap.bar, cap.offset and cap.length with the other capabilities whenever the driver accesses pci_cfg_data.",
        Reading = "The window lies in a structure that another capability points at. Accesses while cap.length is 0 are those of a tool that shows configuration space, and are "
            + "not looked at.")]
    public static void The_window_lies_in_another_structure(Judge judge, RegisterAccess seen)
    {
        if (Window.Accessed(judge, seen) is not { } window) return;
        var isInside = PciView.Of(judge)!.Capabilities.Any(capability => capability.IsUsable && capability.Bar == window.Bar
            && window.Offset >= capability.Offset && (ulong)window.Offset + window.Length <= (ulong)capability.Offset + capability.Size);
        judge.That(isInside, "a window inside a structure of another capability", $"{seen}, with a window of {window.Length} bytes at BAR {window.Bar} + 0x{window.Offset:x}");
    }

    /// <summary>What the driver has written to the capability.</summary>
    private sealed class Window
    {
        private const int Size = 16;

        private readonly byte[] fields = new byte[Size];

        public byte Bar => fields[4];

        public uint Offset => BinaryPrimitives.ReadUInt32LittleEndian(fields.AsSpan(8));

        public uint Length => BinaryPrimitives.ReadUInt32LittleEndian(fields.AsSpan(12));

        /// <summary>Takes an access in; the window where it went through one, null elsewhere.</summary>
        public static Window? Accessed(Judge judge, RegisterAccess seen)
        {
            if (seen.Space != RegisterSpace.PciConfiguration
                || PciView.Of(judge)?.Capabilities.FirstOrDefault(capability => capability.Type == PciView.Capability.ConfigurationAccess) is not { } capability) return null;
            var window = judge.Keep<Window>();
            var at = (int)seen.Offset - capability.At;
            for (var i = 0; seen.IsWrite && i < seen.Width; i++)
            {
                if (at + i is >= 0 and < Size) window.fields[at + i] = (byte)(seen.Value >> 8 * i);
            }
            return at + seen.Width > Size && at < Size + 4 && window.Length != 0 ? window : null;
        }
    }
}
