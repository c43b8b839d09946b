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

    [Rule("PCI-DISC-V-02", Needs = Sight.Status, Transports = [WatchedTransport.Pci],
        Does = "Presents functions with revision IDs other than 1.",
        Reading = "The driver takes each into use.")]
    public static void Any_revision_is_matched(Judge judge, Observation seen)
    {
        if (PciView.Of(judge) is { Revision: not 1 } view) Bringing.Judge(judge, seen, $"a function of revision {view.Revision}");
    }
}
