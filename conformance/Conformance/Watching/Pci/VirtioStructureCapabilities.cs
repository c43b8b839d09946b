namespace Viommu.Conformance.Watching.Pci;

/// <summary>Virtio Structure PCI Capabilities (4.1.4) and the vendor data capability (4.1.4.8), driver's side.</summary>
internal static class VirtioStructureCapabilities
{
    private const uint LargeStructure = 1 << 20;
    private const int VendorIdAt = 4;

    [Rule("PCI-CAP-V-02", Needs = Sight.Status, Transports = [WatchedTransport.Pci],
        Does = "Presents capabilities with a reserved cfg_type in front of the list.",
        Reading = "The driver ignores them: it takes the device into use by the others.")]
    public static void Capabilities_of_a_reserved_type_are_ignored(Judge judge, Observation seen)
    {
        if (PciView.Of(judge) is { } view && view.Capabilities.Any(capability => capability.IsReservedType))
            Bringing.Judge(judge, seen, "a device with a capability of a reserved cfg_type");
    }

    [Rule("PCI-CAP-V-03", Needs = Sight.Registers, Transports = [WatchedTransport.Pci],
        Does = "Presents two structures of a type, and looks at which one register accesses go to.",
        Reading = "The first in the list.")]
    public static void The_first_structure_of_a_type_is_used(Judge judge, RegisterAccess seen)
    {
        if (seen.Space is not (RegisterSpace.PciCommon or RegisterSpace.PciNotify or RegisterSpace.PciIsr or RegisterSpace.PciDevice)) return;
        var type = seen.Space switch
        {
            RegisterSpace.PciCommon => 1,
            RegisterSpace.PciNotify => 2,
            RegisterSpace.PciIsr => 3,
            _ => 4,
        };
        if (PciView.Of(judge)?.Capabilities.Count(capability => capability.Type == type && capability.IsUsable) is not > 1) return;
        judge.That(seen.Instance == 0, "access to the first structure of its type", $"{seen}, in structure {seen.Instance + 1} of the type");
    }

    [Rule("PCI-CAP-V-04", Uses = ["PCI-CAP-D-01"], Needs = Sight.Status, Transports = [WatchedTransport.Pci],
        Does = "Presents capabilities with a cap_len above that of their fields.",
        Reading = "The driver takes the device into use.")]
    public static void A_longer_capability_is_accepted(Judge judge, Observation seen)
    {
        if (PciView.Of(judge) is { } view && view.Capabilities.Any(capability => capability.IsUsable && capability.Length > capability.KnownLength))
            Bringing.Judge(judge, seen, "a device whose capabilities are longer than their fields");
    }

    [Rule("PCI-CAP-V-05", Needs = Sight.Status, Transports = [WatchedTransport.Pci],
        Does = "Presents capabilities with a reserved bar in front of the list.",
        Reading = "The driver ignores them: it takes the device into use by the others.")]
    public static void Capabilities_with_a_reserved_bar_are_ignored(Judge judge, Observation seen)
    {
        if (PciView.Of(judge) is { } view && view.Capabilities.Any(capability => capability is { Type: >= 1 and <= 4, Bar: > 5 }))
            Bringing.Judge(judge, seen, "a device with a capability of a reserved bar");
    }

    [Rule("PCI-CAP-V-07", Uses = ["PCI-CAP-D-03"], Needs = Sight.Status, Transports = [WatchedTransport.Pci],
        Does = "Presents a structure of several MiB.",
        Reading = "The driver takes the device into use.")]
    public static void An_unexpectedly_large_structure_is_handled(Judge judge, Observation seen)
    {
        if (PciView.Of(judge) is { } view && view.Capabilities.Any(capability => capability.IsUsable && capability.Size > LargeStructure))
            Bringing.Judge(judge, seen, "a device with a structure of more than 1 MiB");
    }

    [Rule("PCI-CAP-V-09", Needs = Sight.PciConfiguration, Transports = [WatchedTransport.Pci],
        Does = "Compares every write to configuration space with the capability list.",
        Reading = "None goes to a virtio capability, but for PCI configuration access, and vendor data, which has a rule of its own.")]
    public static void No_capability_is_written(Judge judge, RegisterAccess seen)
    {
        if (seen is not { Space: RegisterSpace.PciConfiguration, IsWrite: true } || PciView.Of(judge) is not { } view) return;
        var hit = view.Capabilities.FirstOrDefault(capability =>
            capability.Type is not (PciView.Capability.ConfigurationAccess or PciView.Capability.VendorData) && capability.Holds(seen));
        judge.That(hit is null, "no write to a virtio capability", $"{seen}, in the capability of type {hit?.Type} at 0x{hit?.At:x}");
    }

    [Rule("PCI-VENDOR-V-02", Needs = Sight.PciConfiguration, Transports = [WatchedTransport.Pci],
        Does = "Presents a vendor data capability, and looks at accesses to it.",
        Reading = "It is not written before its vendor_id was read. Reading all of it is no interpretation.")]
    public static void Vendor_data_is_not_written_before_its_vendor_was_looked_at(Judge judge, Observation seen)
    {
        if (PciView.Of(judge) is not { } view || !view.Capabilities.Any(capability => capability.Type == PciView.Capability.VendorData)) return;
        var read = judge.Keep<HashSet<long>>();
        if (seen is SessionEnded) judge.Kept();
        if (seen is not RegisterAccess { Space: RegisterSpace.PciConfiguration } access) return;
        foreach (var capability in view.Capabilities.Where(capability => capability.Type == PciView.Capability.VendorData && capability.Holds(access)))
        {
            var vendor = capability.At + VendorIdAt;
            if (access.IsWrite)
                judge.That(read.Contains(vendor) && read.Contains(vendor + 1), $"vendor_id of the capability at 0x{capability.At:x} read before it is written", $"{access}");
            else
                for (var i = 0; i < access.Width; i++) read.Add(access.Offset + i);
        }
    }
}
