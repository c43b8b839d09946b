using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Pci;
using Viommu.Guest.Transport;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>4.1.4.8 Vendor data capability.</summary>
internal static class VendorDataChecks
{
    private const int VendorIdAt = 4;

    [Check("PCI-VENDOR-D-01",
        Does = "Reads every byte of every vendor data capability three times, by accesses of every width, of a device that runs and has an interrupt pending.",
        Reading = "Device status, ISR status and the rest of configuration space are as before, the bytes read the same each time, and the device serves requests. N/A where there is none.")]
    internal static void Reading_vendor_data_has_no_side_effect(CheckContext check)
    {
        var pci = check.Pci;
        var all = All(pci.Function);
        var driver = check.Start(Initialisation.Unsuppressed(NotificationMode.Line));
        Knock.GivenServed(check, driver);
        check.Machine.Target.Settle();
        var (status, space) = (pci.ReadStatus(), ReadSpace(pci.Function));
        foreach (var capability in all)
        {
            foreach (var width in (int[])[1, 2, 4, 4, 2, 1])
            {
                for (var at = 0; at + width <= capability.CapabilityLength; at += width) pci.Function.Read(capability.At + at, width);
            }
        }
        var (statusAfter, spaceAfter) = (pci.ReadStatus(), ReadSpace(pci.Function));
        That(statusAfter == status, $"status 0x{(byte)status:x2} as before vendor data was read", $"0x{(byte)statusAfter:x2}");
        var changed = Enumerable.Range(0, space.Length).FirstOrDefault(at => space[at] != spaceAfter[at], -1);
        That(changed < 0, "configuration space as before vendor data was read", changed < 0 ? "" : $"0x{spaceAfter[changed]:x2} instead of 0x{space[changed]:x2} at 0x{changed:x2}");
        var isr = pci.ReadIsr();
        That((isr & Notifications.Used) != 0, "the interrupt pending as before vendor data was read", $"ISR status 0x{(int)isr:x}");
        var knock = driver.Send(Knock.On(check));
        That(knock.IsReturned, "requests served after vendor data was read", knock.Answer);
    }

    [Check("PCI-VENDOR-D-04",
        Does = "Reads vendor_id of every vendor data capability.",
        Reading = "Any value but 0x1af4; several capabilities can have the same, and it need not be an ID of the function. N/A where there is none.")]
    internal static void The_vendor_of_vendor_data_is_not_virtio(CheckContext check)
    {
        var all = All(check.Pci.Function);
        foreach (var capability in all) That(VendorOf(capability) != PciBus.VirtioVendor, $"a vendor_id other than 0x1af4 in {capability}", "0x1af4");
        check.Note = $"vendor data of {string.Join(", ", all.Select(capability => $"0x{VendorOf(capability):x4}"))}";
    }

    [Check("PCI-VENDOR-D-05",
        Does = "Reads cap_len of every vendor data capability.",
        Reading = "A multiple of 4. N/A where there is none.")]
    internal static void The_size_of_vendor_data_is_a_multiple_of_4(CheckContext check)
    {
        foreach (var capability in All(check.Pci.Function)) That(capability.CapabilityLength % 4 == 0, $"a multiple of 4 as cap_len of {capability}", $"{capability.CapabilityLength}");
    }

    private static uint VendorOf(VirtioCapability capability) => capability.Function.Read(capability.At + VendorIdAt, 2);

    private static byte[] ReadSpace(PciFunction function) => [.. Enumerable.Range(0, 0x100).Select(at => (byte)function.Read(at, 1))];

    private static IReadOnlyList<VirtioCapability> All(PciFunction function) => VirtioCapability.All(function, StructureType.VendorData) is { Count: > 0 } all
        ? all
        : throw new NotApplicableException("the device has no vendor data capability");
}
