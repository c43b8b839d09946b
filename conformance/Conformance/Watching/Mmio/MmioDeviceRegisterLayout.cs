using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Mmio;

/// <summary>MMIO Device Register Layout (4.2.2.2): which registers a driver accesses, and how.</summary>
internal static class MmioDeviceRegisterLayout
{
    private static readonly HashSet<uint> ReadOnly =
    [
        MmioRegister.MagicValue, MmioRegister.Version, MmioRegister.DeviceId, MmioRegister.VendorId, MmioRegister.DeviceFeatures, MmioRegister.QueueSizeMax,
        MmioRegister.InterruptStatus, MmioRegister.ShmLenLow, MmioRegister.ShmLenHigh, MmioRegister.ShmBaseLow, MmioRegister.ShmBaseHigh, MmioRegister.ConfigGeneration,
    ];

    private static readonly HashSet<uint> WriteOnly =
    [
        MmioRegister.DeviceFeaturesSel, MmioRegister.DriverFeatures, MmioRegister.DriverFeaturesSel, MmioRegister.QueueSel, MmioRegister.QueueSize, MmioRegister.QueueNotify,
        MmioRegister.InterruptAck, MmioRegister.QueueDescLow, MmioRegister.QueueDescHigh, MmioRegister.QueueDriverLow, MmioRegister.QueueDriverHigh, MmioRegister.QueueDeviceLow,
        MmioRegister.QueueDeviceHigh, MmioRegister.ShmSel,
    ];

    private static readonly HashSet<uint> Documented = [.. ReadOnly, .. WriteOnly, MmioRegister.QueueReady, MmioRegister.Status, MmioRegister.QueueReset];

    [Rule("MMIO-REG-V-01", Needs = Sight.Registers, FromAnywhere = true, Transports = [WatchedTransport.Mmio],
        Does = "Compares every access with the table of registers, and behind it with the configuration of the chapter.",
        Reading = "Each byte belongs to a register of version 2, or to the 40 bytes of struct virtio_iommu_config.")]
    public static void Only_documented_locations_are_accessed(Judge judge, RegisterAccess seen)
    {
        var end = (ulong)seen.Offset + (uint)seen.Width;
        var isThere = seen.Offset >= MmioRegister.Config ? end <= MmioRegister.Config + IommuConfig.Size : Documented.Contains(seen.Offset & ~3u) && end <= (seen.Offset & ~3u) + 4;
        judge.That(isThere, "accesses to documented registers only", $"{seen}");
    }

    [Rule("MMIO-REG-V-02", Needs = Sight.Registers, FromAnywhere = true, Transports = [WatchedTransport.Mmio],
        Does = "Looks for writes to the registers of direction R.",
        Reading = "There are none.")]
    public static void Read_only_registers_are_not_written(Judge judge, RegisterAccess seen)
    {
        if (ReadOnly.Contains(seen.Offset & ~3u)) judge.That(!seen.IsWrite, "no write to a register of direction R", $"{seen}");
    }

    [Rule("MMIO-REG-V-03", Needs = Sight.Registers, FromAnywhere = true, Transports = [WatchedTransport.Mmio],
        Does = "Looks for reads of the registers of direction W.",
        Reading = "There are none.")]
    public static void Write_only_registers_are_not_read(Judge judge, RegisterAccess seen)
    {
        if (WriteOnly.Contains(seen.Offset & ~3u)) judge.That(seen.IsWrite, "no read of a register of direction W", $"{seen}");
    }

    [Rule("MMIO-REG-V-04", Needs = Sight.Registers, FromAnywhere = true, Transports = [WatchedTransport.Mmio],
        Does = "Looks at width and alignment of every access below 0x100.",
        Reading = "32 bits, at a multiple of 4.")]
    public static void Control_registers_are_accessed_by_32_aligned_bits(Judge judge, RegisterAccess seen)
    {
        if (seen.Offset < MmioRegister.Config) judge.That(seen.Width == 4 && seen.Offset % 4 == 0, "a 32-bit, aligned access to a control register", $"{seen}");
    }

    [Rule("MMIO-REG-V-05", Needs = Sight.Registers, FromAnywhere = true, Transports = [WatchedTransport.Mmio],
        Does = "Looks at width and alignment of every access to the configuration.",
        Reading = "32 bits, at a multiple of 4, for the fields of 32 and 64 bits; 8 bits for bypass and the reserved bytes behind it.")]
    public static void Configuration_fields_are_accessed_by_their_own_width(Judge judge, RegisterAccess seen)
    {
        if (seen.Offset < MmioRegister.Config) return;
        var offset = seen.Offset - MmioRegister.Config;
        var width = offset < IommuConfig.BypassOffset ? 4 : 1;
        judge.That(seen.Width == width && offset % (uint)width == 0, $"an access of {8 * width} aligned bits at offset {offset} of the configuration", $"{seen}");
    }

    [Rule("MMIO-REG-V-12", Needs = Sight.Registers | Sight.Conclusions, Transports = [WatchedTransport.Mmio],
        Does = "Looks for a write of DeviceFeaturesSel before DeviceFeatures is read.",
        Reading = "There is one since the device was found.")]
    public static void DeviceFeaturesSel_is_written_before_DeviceFeatures_is_read(Judge judge, RegisterAccess seen) =>
        IsSelected(judge, seen, MmioRegister.DeviceFeaturesSel, MmioRegister.DeviceFeatures, "DeviceFeaturesSel written before DeviceFeatures is read");

    [Rule("MMIO-REG-V-13", Needs = Sight.Registers | Sight.Conclusions, Transports = [WatchedTransport.Mmio],
        Does = "Looks for a write of DriverFeaturesSel before DriverFeatures is written.",
        Reading = "There is one since the device was found.")]
    public static void DriverFeaturesSel_is_written_before_DriverFeatures_is(Judge judge, RegisterAccess seen) =>
        IsSelected(judge, seen, MmioRegister.DriverFeaturesSel, MmioRegister.DriverFeatures, "DriverFeaturesSel written before DriverFeatures is");

    private static void IsSelected(Judge judge, RegisterAccess seen, uint selector, uint register, string expected)
    {
        var selected = judge.Keep<HashSet<uint>>();
        if (seen.Offset == selector && seen.IsWrite) selected.Add(selector);
        else if (seen.Offset == register) judge.That(selected.Contains(selector), expected, $"{seen}");
    }
}
