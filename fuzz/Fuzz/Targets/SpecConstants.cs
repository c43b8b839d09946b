using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Targets;

/// <summary>A number of the spec that inputs are likely to need.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Value">The number.</param>
/// <param name="Width">Width in bytes of the field that it stands in.</param>
internal readonly record struct SpecConstant(string Name, ulong Value, int Width);

/// <summary>The numbers of the spec by what they are for, as the guest's side has them.</summary>
internal static class SpecConstants
{
    /// <summary>Heads, flags and sizes of requests (section 5.13.6).</summary>
    public static IReadOnlyList<SpecConstant> Requests { get; } =
    [
        // A head is the type and three reserved bytes.
        new("type_attach", RequestType.Attach, 4), new("type_detach", RequestType.Detach, 4), new("type_map", RequestType.Map, 4),
        new("type_unmap", RequestType.Unmap, 4), new("type_probe", RequestType.Probe, 4), new("type_unknown", RequestType.Probe + 1, 4),
        new("attach_f_bypass", AttachRequest.BypassFlag, 4), new("map_f_read", MapFlags.Read, 4), new("map_f_write", MapFlags.Write, 4),
        new("map_f_read_write", MapFlags.Read | MapFlags.Write, 4), new("map_f_mmio", MapFlags.Mmio, 4), new("map_f_undefined", MapFlags.Mmio << 1, 4),
        new("page", 0x1000, 8), new("end_of_page", 0xfff, 8), new("end_of_addresses", ulong.MaxValue, 8), new("last_page", ulong.MaxValue - 0xfff, 8),
        new("every_domain", uint.MaxValue, 4),
    ];

    /// <summary>Statuses of tails, types and subtypes of properties, reasons and flags of reports.</summary>
    public static IReadOnlyList<SpecConstant> Answers { get; } =
    [
        .. Enum.GetValues<RequestStatus>().Select(status => new SpecConstant($"status_{status.Name().ToLowerInvariant()}", (ulong)status, 4)),
        new("probe_resv_mem", ProbeProperty.ReservedMemory, 2), new("resv_mem_length", ReservedRegion.ValueSize, 2), new("resv_mem_msi", ReservedRegion.MsiSubtype, 4),
        new("reason_domain", FaultReport.ReasonDomain, 4), new("reason_mapping", FaultReport.ReasonMapping, 4), new("fault_read", FaultReport.ReadFlag, 4),
        new("fault_write", FaultReport.WriteFlag, 4), new("fault_address", FaultReport.AddressFlag, 4), new("fault_size", FaultReport.Size, 4),
    ];

    /// <summary>Feature bits (sections 5.13.3 and 6), and what drivers accept of them together.</summary>
    public static IReadOnlyList<SpecConstant> FeatureBits { get; } =
    [
        new("f_input_range", Features.InputRange, 8), new("f_domain_range", Features.DomainRange, 8), new("f_map_unmap", Features.MapUnmap, 8),
        new("f_bypass", Features.Bypass, 8), new("f_probe", Features.Probe, 8), new("f_mmio", Features.Mmio, 8), new("f_bypass_config", Features.BypassConfig, 8),
        new("f_indirect_desc", Features.IndirectDesc, 8), new("f_event_idx", Features.EventIdx, 8), new("f_version_1", Features.Version1, 8),
        new("f_access_platform", Features.AccessPlatform, 8), new("f_ring_packed", Features.RingPacked, 8), new("f_in_order", Features.InOrder, 8),
        new("f_ring_reset", Features.RingReset, 8), new("f_suspend", Features.Suspend, 8), new("f_all_of_the_chapter", Features.Version1 | Features.IommuChapter, 8),
    ];

    /// <summary>Values of the device status (section 2.1), as drivers write them one after the other.</summary>
    public static IReadOnlyList<SpecConstant> Statuses { get; } =
    [
        Status("acknowledge", DeviceStatus.Acknowledge), Status("driver", DeviceStatus.Acknowledge | DeviceStatus.Driver),
        Status("features_ok", DeviceStatus.Acknowledge | DeviceStatus.Driver | DeviceStatus.FeaturesOk),
        Status("driver_ok", DeviceStatus.Acknowledge | DeviceStatus.Driver | DeviceStatus.FeaturesOk | DeviceStatus.DriverOk),
        Status("suspend", DeviceStatus.Acknowledge | DeviceStatus.Driver | DeviceStatus.FeaturesOk | DeviceStatus.DriverOk | DeviceStatus.Suspend),
        Status("needs_reset", DeviceStatus.NeedsReset), Status("failed", DeviceStatus.Failed),
    ];

    /// <summary>Flags of descriptors of both formats (sections 2.7.5 and 2.8.1), and of the areas that suppress notifications.</summary>
    public static IReadOnlyList<SpecConstant> Rings { get; } =
    [
        Flag("next", DescriptorFlags.Next), Flag("write", DescriptorFlags.Write), Flag("indirect", DescriptorFlags.Indirect),
        Flag("next_write", DescriptorFlags.Next | DescriptorFlags.Write), Flag("available", DescriptorFlags.Available), Flag("used", DescriptorFlags.Used),
        Flag("available_next", DescriptorFlags.Available | DescriptorFlags.Next), Flag("available_write", DescriptorFlags.Available | DescriptorFlags.Write),
        Flag("available_indirect", DescriptorFlags.Available | DescriptorFlags.Indirect), Flag("used_write", DescriptorFlags.Used | DescriptorFlags.Write),
        Flag("available_used", DescriptorFlags.Available | DescriptorFlags.Used),
        new("avail_no_interrupt", 1, 2), new("event_flags_desc", 2, 2), new("event_wrap", 0x8000, 2), new("index_wraps", 0xffff, 2),
        new("one_descriptor", 16, 4), new("fault_report", FaultReport.Size, 4), new("too_long", uint.MaxValue, 4),
    ];

    /// <summary>Registers of virtio-mmio (section 4.2.2).</summary>
    public static IReadOnlyList<SpecConstant> MmioRegisters { get; } =
    [
        Register("device_features", MmioRegister.DeviceFeatures), Register("device_features_sel", MmioRegister.DeviceFeaturesSel),
        Register("driver_features", MmioRegister.DriverFeatures), Register("driver_features_sel", MmioRegister.DriverFeaturesSel),
        Register("guest_page_size", MmioRegister.GuestPageSize), Register("queue_sel", MmioRegister.QueueSel), Register("queue_size_max", MmioRegister.QueueSizeMax),
        Register("queue_size", MmioRegister.QueueSize), Register("queue_align", MmioRegister.QueueAlign), Register("queue_pfn", MmioRegister.QueuePfn),
        Register("queue_ready", MmioRegister.QueueReady), Register("queue_notify", MmioRegister.QueueNotify), Register("interrupt_status", MmioRegister.InterruptStatus),
        Register("interrupt_ack", MmioRegister.InterruptAck), Register("status", MmioRegister.Status), Register("queue_desc", MmioRegister.QueueDescLow),
        Register("queue_driver", MmioRegister.QueueDriverLow), Register("queue_device", MmioRegister.QueueDeviceLow), Register("queue_reset", MmioRegister.QueueReset),
        Register("config_generation", MmioRegister.ConfigGeneration), Register("config", MmioRegister.Config), Register("config_bypass", MmioRegister.Config + IommuConfig.BypassOffset),
    ];

    /// <summary>Fields of the common configuration structure (section 4.1.4.3) and of configuration space.</summary>
    public static IReadOnlyList<SpecConstant> PciRegisters { get; } =
    [
        Field("device_feature_select", CommonField.DeviceFeatureSelect), Field("driver_feature_select", CommonField.DriverFeatureSelect), Field("driver_feature", CommonField.DriverFeature),
        Field("config_msix_vector", CommonField.ConfigMsixVector), Field("num_queues", CommonField.NumQueues), Field("device_status", CommonField.DeviceStatus),
        Field("queue_select", CommonField.QueueSelect), Field("queue_size", CommonField.QueueSize), Field("queue_msix_vector", CommonField.QueueMsixVector),
        Field("queue_enable", CommonField.QueueEnable), Field("queue_notify_off", CommonField.QueueNotifyOff), Field("queue_desc", CommonField.QueueDescLow),
        Field("queue_driver", CommonField.QueueDriverLow), Field("queue_device", CommonField.QueueDeviceLow), Field("queue_reset", CommonField.QueueReset),
        new("pci_command", 4, 4), new("pci_bar0", 0x10, 4), new("pci_capabilities", 0x34, 4), new("pci_interrupt_disable", 0x407, 4), new("msix_no_vector", 0xffff, 4), new("msix_enable", 0x8000, 4),
    ];

    /// <summary>Fields of the legacy header (section 4.1.4.10).</summary>
    public static IReadOnlyList<SpecConstant> LegacyPorts { get; } =
    [
        Port("driver_features", LegacyHeader.DriverFeatures), Port("queue_address", LegacyHeader.QueueAddress), Port("queue_size", LegacyHeader.QueueSize),
        Port("queue_select", LegacyHeader.QueueSelect), Port("queue_notify", LegacyHeader.QueueNotify), Port("device_status", LegacyHeader.DeviceStatus), Port("isr_status", LegacyHeader.IsrStatus),
    ];

    private static SpecConstant Status(string name, DeviceStatus status) => new($"status_{name}", (ulong)status, 4);

    private static SpecConstant Flag(string name, DescriptorFlags flags) => new($"desc_f_{name}", (ulong)flags, 2);

    private static SpecConstant Register(string name, uint offset) => new($"mmio_{name}", offset, 4);

    private static SpecConstant Field(string name, CommonField field) => new($"common_{name}", field.Offset, 4);

    private static SpecConstant Port(string name, LegacyHeader field) => new($"legacy_{name}", field.Offset, 4);
}
