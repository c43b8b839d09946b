namespace Viommu.Conformance.Watching.Pci;

/// <summary>PCI Device Discovery (4.1.2), driver's side.</summary>
internal static class PciDeviceDiscovery
{
    [Rule("PCI-DISC-V-01", Needs = Sight.Status, Transports = [WatchedTransport.Pci],
        Does = "Presents a function with vendor ID 0x1af4 and device ID 0x1057.",
        Reading = "The driver takes it into use.")]
    public static void A_function_with_the_IDs_of_an_IOMMU_is_matched(Judge judge, Observation seen)
    {
        if (PciView.Of(judge) is not null) Bringing.Judge(judge, seen, "a function 1af4:1057");
    }

    [Rule("PCI-DISC-V-01", Uses = ["PCI-CAP-D-05"], Needs = Sight.Status, Transports = [WatchedTransport.Pci],
        Does = "Presents capabilities that have other bytes behind what they count as theirs, before the next one begins.",
        Reading = "The driver takes the device into use: it finds the next capability by the link, and not by the length of the one before.")]
    public static void A_function_with_padding_behind_its_capabilities_is_matched(Judge judge, Observation seen)
    {
        if (PciView.Of(judge)?.HasPadding == true) Bringing.Judge(judge, seen, "a function with padding behind its capabilities");
    }

    [Rule("PCI-DISC-V-01", Uses = ["PCI-VENDOR-D-02", "PCI-VENDOR-D-03"], Needs = Sight.Status, Transports = [WatchedTransport.Pci],
        Does = "Presents several vendor data capabilities, some of the same vendor, some of another, and none of the vendor of the function.",
        Reading = "The driver takes the device into use: what they hold is for those who know the vendor.")]
    public static void A_function_with_vendor_data_of_several_vendors_is_matched(Judge judge, Observation seen)
    {
        if (PciView.Of(judge) is not { VendorData: { Count: > 2 } vendors } view) return;
        var kinds = vendors.Distinct().ToList();
        if (kinds.Count > 1 && kinds.Count < vendors.Count && !kinds.Contains(view.Vendor) && !kinds.Contains(view.SubsystemVendor))
            Bringing.Judge(judge, seen, $"a function with vendor data of {string.Join(", ", vendors.Select(vendor => $"{vendor:x4}"))}");
    }

    [Rule("PCI-DISC-V-02", Needs = Sight.Status, Transports = [WatchedTransport.Pci],
        Does = "Presents functions with revision IDs other than 1.",
        Reading = "The driver takes each into use.")]
    public static void Any_revision_is_matched(Judge judge, Observation seen)
    {
        if (PciView.Of(judge) is { Revision: not 1 } view) Bringing.Judge(judge, seen, $"a function of revision {view.Revision}");
    }
}
