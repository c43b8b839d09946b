using Viommu.Conformance.Checks.Core;
using Viommu.Guest;
using Viommu.Guest.Pci;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Legacy;

/// <summary>4.1.4.10 Legacy Interfaces: A Note on PCI Device Layout, and 4.1.5.1.1.1 on Device Layout Detection.</summary>
internal static class LegacyPciDeviceLayoutChecks
{
    private const int Bar0 = 0x10;

    // The last field, bypass, is at 36; how many of the reserved bytes behind it there are does not matter to a driver.
    private const int ConfigSize = IommuConfig.BypassOffset + 1;

    [Check("LEGACY-PCI-D-01", Also = ["LEGACY-PCIDETECT-D-01"],
        Does = "Probes the size of BAR0, and drives the device through it.",
        Reading = "An I/O BAR with room for the header and the configuration behind it, also where MSI-X moves that by 4 bytes. " + LegacyInterfaceUse.Extension)]
    internal static void BAR0_is_an_IO_region_that_holds_the_legacy_structure(CheckContext check)
    {
        var pci = LegacyInterfaceUse.Pci(check);
        var function = pci.Function;
        var placed = function.Read(Bar0, 4);
        var command = function.Command;
        function.Command = command & ~PciCommand.IoSpace;
        function.Write(Bar0, 4, uint.MaxValue);
        var probed = function.Read(Bar0, 4);
        function.Write(Bar0, 4, placed);
        function.Command = command;
        That((probed & 1) != 0, "BAR0 an I/O BAR", $"it probes as 0x{probed:x8}");

        // PCI 3.0 6.2.5.1: the upper 16 bits of an I/O BAR may be hardwired to zero.
        var size = (ushort)(~(probed & 0xfffc) + 1);
        var needed = (pci.HasMessages ? LegacyHeader.EndWithMsix : LegacyHeader.EndWithoutMsix) + ConfigSize;
        That(size >= needed, $"at least {needed} bytes in BAR0", $"{size}");
        LegacyInterfaceUse.IsServed(check, check.Start(), "through BAR0");
    }

    [Check("LEGACY-PCI-D-02", Uses = ["LEGACY-PCI-V-02"],
        Does = "Reads the configuration by 8, 16 and 32 bits.",
        Reading = "Each access reads the bytes that the natural one does, 32 bits for fields of 32 and 64, 8 for bypass. Fields of features that are not offered are left alone. "
            + LegacyInterfaceUse.Extension)]
    internal static void The_configuration_reads_the_same_by_any_width(CheckContext check)
    {
        var pci = LegacyInterfaceUse.Pci(check);
        check.Start();
        foreach (var (first, length) in Fields(check))
        {
            var natural = Enumerable.Range(0, length / 4).SelectMany(word => BitConverter.GetBytes((uint)pci.ReadConfig(first + 4 * word, 4))).ToArray();
            foreach (var width in (int[])[1, 2])
            {
                for (var offset = 0; offset < length; offset += width)
                {
                    var (expected, value) = (Join(natural.AsSpan(offset, width)), pci.ReadConfig(first + offset, width));
                    That(value == expected, $"0x{expected:x} in {8 * width} bits at offset {first + offset} of the configuration, as by 32 bits", $"0x{value:x}");
                }
            }
        }
        if (!check.Offers(Features.BypassConfig)) return;
        var bypass = pci.ReadConfig(IommuConfig.BypassOffset, 1);
        foreach (var width in (int[])[2, 4])
        {
            var value = pci.ReadConfig(IommuConfig.BypassOffset, width) & 0xff;
            That(value == bypass, $"bypass {bypass} by {8 * width} bits, as by 8", $"{value}");
        }

        static ulong Join(ReadOnlySpan<byte> bytes) => bytes.Length == 1 ? bytes[0] : BitConverter.ToUInt16(bytes);
    }

    [Check("LEGACY-PCI-D-02",
        Does = "Writes bypass by 8, 16 and 32 bits, the bytes behind it 0.",
        Reading = "It reads as written each time. N/A where BYPASS_CONFIG is not offered. " + LegacyInterfaceUse.Extension)]
    internal static void Bypass_is_written_by_any_width(CheckContext check)
    {
        var pci = LegacyInterfaceUse.Pci(check);
        check.Requires(Features.BypassConfig);
        check.Start();
        foreach (var width in (int[])[1, 2, 4, 1, 2, 4])
        {
            var wanted = (byte)(1 - check.Machine.ReadBypass());
            check.Machine.Journal.Add($"write bypass = {wanted} by {8 * width} bits");
            pci.WriteConfig(IommuConfig.BypassOffset, width, wanted);
            var bypass = check.Machine.ReadBypass();
            That(bypass == wanted, $"bypass {wanted}, as written by {8 * width} bits", $"{bypass}");
        }
    }

    [Check("LEGACY-PCI-D-03",
        Does = "Reads the configuration behind the header while MSI-X is disabled, while it is enabled, and once it is disabled again.",
        Reading = "At offset 20 without MSI-X, at 24 with it. Where the function has no MSI-X, only 20 is looked at. " + LegacyInterfaceUse.Extension)]
    internal static void The_configuration_follows_the_header(CheckContext check)
    {
        var pci = LegacyInterfaceUse.Pci(check);
        check.Start();
        var io = pci.Function.IoBarAddress(0) ?? throw new GuestSetupException("BAR0 is no I/O region");
        var expected = check.Initial.Config.PageSizeMask;
        Reads(LegacyHeader.EndWithoutMsix, "with MSI-X disabled");
        if (!pci.HasMessages) return;
        pci.RouteNotifications(NotificationMode.Messages, check.Machine.Heap.AllocateZeroed(16, 16));
        Reads(LegacyHeader.EndWithMsix, "with MSI-X enabled");
        pci.RouteNotifications(NotificationMode.Polled, 0);
        Reads(LegacyHeader.EndWithoutMsix, "with MSI-X disabled again");

        void Reads(ushort offset, string when)
        {
            var target = check.Machine.Target;
            var mask = target.IoRead((ushort)(io + offset), 4) | (ulong)target.IoRead((ushort)(io + offset + 4), 4) << 32;
            That(mask == expected, $"page_size_mask 0x{expected:x} at offset {offset} of BAR0 {when}", $"0x{mask:x}");
        }
    }

    [Check("LEGACY-PCI-D-04",
        Does = "Runs the device through its modern interface with every feature bit above 32 accepted that it offers, resets it, and runs it through the legacy one.",
        Reading = "Requests are served on a split ring placed as a legacy driver does: nothing of the bits 32 to 63 counts as accepted. N/A where the function has no modern "
            + "interface. " + LegacyInterfaceUse.Extension)]
    internal static void Feature_bits_32_to_63_count_as_not_accepted(CheckContext check)
    {
        var function = LegacyInterfaceUse.Pci(check).Function;
        if (!function.Capabilities().Any(capability => capability.Id == PciCapability.VendorSpecific)) throw new NotApplicableException("the function has no modern interface");
        var modern = PciTransport.Open(check.Machine.Target, function);
        modern.WriteStatus(DeviceStatus.None);
        Given(check.Machine.Await(() => modern.ReadStatus() == DeviceStatus.None), "the status does not become 0 after a device reset");
        modern.WriteStatus(DeviceStatus.Acknowledge);
        modern.WriteStatus(DeviceStatus.Acknowledge | DeviceStatus.Driver);
        const ulong High = Features.Version1 | Features.AccessPlatform | Features.RingPacked | Features.InOrder | Features.OrderPlatform | Features.RingReset | Features.Suspend;
        var accepted = modern.ReadDeviceFeatures() & (Features.AcceptedByDefault | High);
        modern.WriteDriverFeatures(accepted);
        modern.WriteStatus(DeviceStatus.Acknowledge | DeviceStatus.Driver | DeviceStatus.FeaturesOk);
        Given((modern.ReadStatus() & DeviceStatus.FeaturesOk) != 0, $"the modern interface refuses features {Features.Describe(accepted)}");
        check.Machine.Journal.Add($"modern interface: {Features.Describe(accepted)} accepted");

        var driver = check.Start();
        for (var i = 0; i < 5; i++) LegacyInterfaceUse.IsServed(check, driver, "through the legacy interface after a modern driver");
        That((check.Machine.Transport.ReadStatus() & DeviceStatus.Suspend) == 0, "no SUSPEND in the status of a legacy driver", "it is set");
    }

    [Check("DESC-LEGACY-08",
        Does = "Has a request come back with MSI-X disabled, and reads the ISR status.",
        Reading = "Bit 0 at offset 19, and 0 at the next read: the field is as that of the modern interface (4.1.4.5). " + LegacyInterfaceUse.Extension)]
    internal static void The_ISR_status_of_the_header_is_set_and_cleared_by_a_read(CheckContext check)
    {
        var pci = LegacyInterfaceUse.Pci(check);
        var driver = check.Start(Listening.Settings(check) with { Notifications = NotificationMode.Line });
        pci.Read(LegacyHeader.IsrStatus);
        Knock.GivenServed(check, driver);
        var seen = 0u;
        That(check.Machine.Await(() => (seen = pci.Read(LegacyHeader.IsrStatus)) != 0), "bit 0 of the ISR status set by a used buffer", "it reads 0");
        That((seen & 1) != 0, "bit 0 of the ISR status set by a used buffer", $"0x{seen:x2}");
        var again = pci.Read(LegacyHeader.IsrStatus);
        That(again == 0, "the ISR status 0 once it was read", $"0x{again:x2}");
    }

    private static IEnumerable<(int First, int Length)> Fields(CheckContext check)
    {
        yield return (0, 8);
        if (check.Offers(Features.InputRange)) yield return (8, 16);
        if (check.Offers(Features.DomainRange)) yield return (24, 8);
        if (check.Offers(Features.Probe)) yield return (IommuConfig.ProbeSizeOffset, 4);
    }
}
