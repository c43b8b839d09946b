using Viommu.Guest.Transport;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>4.1.3 PCI Device Layout.</summary>
internal static class PciDeviceLayoutChecks
{
    private static readonly (string Name, CommonField Low, CommonField High)[] QueueAreas =
    [
        ("queue_desc", CommonField.QueueDescLow, CommonField.QueueDescHigh),
        ("queue_driver", CommonField.QueueDriverLow, CommonField.QueueDriverHigh),
        ("queue_device", CommonField.QueueDeviceLow, CommonField.QueueDeviceHigh),
    ];

    [Check("PCI-LAYOUT-D-01",
        Does = "Writes the halves of queue_desc, queue_driver and queue_device of each queue one by one, in either order.",
        Reading = "Each half reads back what was last written to it, and writing one leaves the other as it is.")]
    internal static void The_halves_of_queue_addresses_are_written_and_read_apart(CheckContext check)
    {
        var pci = check.Pci;
        Initialisation.Negotiate(check);
        foreach (var queue in pci.Queues())
        {
            foreach (var (name, low, high) in QueueAreas)
            {
                foreach (var (first, second) in ((CommonField, CommonField)[])[(low, high), (high, low)])
                {
                    pci.Set(queue, low, 0);
                    pci.WriteCommon(high, 0);
                    pci.WriteCommon(first, 0x0012_3000);
                    var halves = (pci.ReadCommon(first), pci.ReadCommon(second));
                    That(halves == (0x0012_3000, 0), $"0x123000 in the half of {name} of queue {queue} that was written, 0 in the other", $"0x{halves.Item1:x} and 0x{halves.Item2:x}");
                    pci.WriteCommon(second, 0x0045_6000);
                    halves = (pci.ReadCommon(first), pci.ReadCommon(second));
                    That(halves == (0x0012_3000, 0x0045_6000), $"0x123000 and 0x456000 in the halves of {name} of queue {queue}", $"0x{halves.Item1:x} and 0x{halves.Item2:x}");
                }
            }
        }
    }

    [Check("PCI-LAYOUT-D-01", Uses = ["PCI-LAYOUT-V-02"],
        Does = "Reads the halves of the 64-bit fields of the device configuration in either order, and the upper one alone.",
        Reading = "Each half reads the same whichever was read before. Fields of features that are not offered are not looked at.")]
    internal static void The_halves_of_configuration_fields_are_read_apart(CheckContext check)
    {
        var pci = check.Pci;
        var config = check.Initial.Config;
        var fields = new List<(string Name, int At, ulong Value)> { ("page_size_mask", 0, config.PageSizeMask) };
        if (check.Offers(Guest.Wire.Features.InputRange)) fields.AddRange([("input_range.start", 8, config.InputStart), ("input_range.end", 16, config.InputEnd)]);
        foreach (var (name, at, value) in fields)
        {
            foreach (var half in (int[])[4, 0, 4, 4, 0])
            {
                var (read, expected) = ((uint)pci.ReadConfig(at + half, 4), (uint)(value >> 8 * half));
                That(read == expected, $"0x{expected:x} in the {(half == 0 ? "lower" : "upper")} half of {name}", $"0x{read:x}");
            }
        }
    }
}
