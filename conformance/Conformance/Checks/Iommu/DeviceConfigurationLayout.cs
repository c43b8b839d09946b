using System.Numerics;
using Viommu.Guest.Targets;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Iommu;

/// <summary>IOMMU Device / Device configuration layout.</summary>
internal static class DeviceConfigurationLayout
{
    internal static readonly TargetShape InitiallyBlocking = new() { Offering = Features.BypassConfig, InitialBypass = false };
    internal static readonly TargetShape InitiallyBypassing = new() { Offering = Features.BypassConfig, InitialBypass = true };

    [Check("IOMMU-CFG-D-01",
        Does = "Reads page_size_mask.",
        Reading = "At least one bit is set; the lowest one is the granularity of mappings.")]
    internal static void Page_size_mask_has_a_bit_set(CheckContext check)
    {
        var mask = check.Machine.ReadConfig().PageSizeMask;
        That(mask != 0, "at least one bit of page_size_mask set", $"page_size_mask 0x{mask:x}");
    }

    [Check("IOMMU-CFG-D-02",
        Does = "Where page_size_mask has several bits, maps one granule that starts off every larger page size.",
        Reading = "OK: the larger sizes are hints and take nothing away. The note tells the mask.")]
    internal static void Larger_page_sizes_are_hints(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var mask = check.Initial.Config.PageSizeMask;
        if (BitOperations.PopCount(mask) < 2) throw new NotApplicableException($"page_size_mask 0x{mask:x} has one page size");
        var driver = check.Start();

        // Off the next larger page size, and two granules long where one would be a single byte.
        var (at, length) = (check.Virtual(1) + check.Granule, Math.Max(check.Granule, 2));
        Given(driver.Attach(check.Domain(0), check.Endpoint));
        Answers(driver.Map(check.Domain(0), at, at + length - 1, check.Physical(1)), RequestStatus.Ok);
        check.Note = $"page_size_mask 0x{mask:x}";
    }

    [Check("IOMMU-CFG-D-03",
        Does = "Compares the bypass byte of power-on with what a driver finds that has not written it yet.",
        Reading = "It is still the initial value, which may be 0 or 1; the note tells which.")]
    internal static void Bypass_has_its_initial_value_until_a_driver_writes_it(CheckContext check)
    {
        check.Requires(Features.BypassConfig);
        var initial = check.Initial.Config.Bypass;
        check.Start();
        var bypass = check.Machine.ReadBypass();
        That(bypass == initial, $"bypass {initial}, as at power-on", $"bypass {bypass}");
        check.Note = $"bypass is {initial} at power-on";
    }

    [Check("IOMMU-CFG-D-04",
        Does = "Writes each value of bypass, resets the device, and reads it again.",
        Reading = "The value written is still there: only a system reset restores the initial one.")]
    internal static void Bypass_survives_a_device_reset(CheckContext check)
    {
        check.Requires(Features.BypassConfig);
        foreach (var value in new[] { Other(check.Initial.Config.Bypass), (byte)(check.Initial.Config.Bypass & 1) })
        {
            check.Start();
            check.SetBypass(value);
            Given(check.Machine.ResetDevice(), "the status does not become 0 after a device reset");
            var after = check.Machine.ReadBypass();
            That(after == value, $"bypass still {value} after a device reset", $"bypass {after}");
        }
    }

    [Check("IOMMU-CFG-D-05",
        Does = "Writes the other value to bypass, resets the whole machine, and reads it.",
        Reading = "The value of power-on is back.")]
    internal static void Bypass_is_restored_by_a_system_reset(CheckContext check) => SystemResetRestoresBypass(check);

    [Check("IOMMU-CFG-D-05",
        Does = "Starts a device whose bypass is 0 at power-on, writes 1, resets the whole machine, and reads it.",
        Reading = "0 is back.", Shape = nameof(InitiallyBlocking))]
    internal static void A_bypass_of_zero_is_restored_by_a_system_reset(CheckContext check) => SystemResetRestoresBypass(check);

    [Check("IOMMU-CFG-D-05",
        Does = "Starts a device whose bypass is 1 at power-on, writes 0, resets the whole machine, and reads it.",
        Reading = "1 is back.", Shape = nameof(InitiallyBypassing))]
    internal static void A_bypass_of_one_is_restored_by_a_system_reset(CheckContext check) => SystemResetRestoresBypass(check);

    [Check("IOMMU-CFG-D-06",
        Does = "Reads bypass at power-on; then writes 2, 0x80 and 0xff to it, as no driver may, and reads it after each.",
        Reading = "Ignoring the value, clamping it and needing a reset are all fine; what reads back is 0 or 1.")]
    internal static void Bypass_never_reads_as_anything_but_zero_or_one(CheckContext check)
    {
        check.Requires(Features.BypassConfig);
        That(check.Initial.Config.Bypass <= 1, "bypass 0 or 1 at power-on", $"bypass {check.Initial.Config.Bypass}");
        foreach (var value in new byte[] { 2, 0x80, 0xff })
        {
            check.Start();
            check.Machine.WriteBypass(value);
            var read = check.Machine.ReadBypass();
            That(read <= 1, $"bypass 0 or 1 after {value} was written", $"bypass {read}");
        }
    }

    private static byte Other(byte bypass) => (byte)((bypass & 1) ^ 1);

    private static void SystemResetRestoresBypass(CheckContext check)
    {
        check.Requires(Features.BypassConfig);
        if (!check.Machine.Target.CanSystemReset) throw new NotApplicableException("the target cannot be reset as a whole");
        var initial = check.Initial.Config.Bypass;
        var other = Other(initial);
        check.Start();
        check.SetBypass(other);
        check.ResetSystem();
        var after = check.Machine.ReadBypass();
        That(after == initial, $"bypass {initial} again after a system reset", $"bypass {after}");
    }
}
