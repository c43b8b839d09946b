using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Pci;

/// <summary>PCI Device Layout (4.1.3) and the common configuration structure (4.1.4.3), driver's side.</summary>
internal static class CommonConfiguration
{
    // Of each field its first offset; a 64-bit one is two of 32.
    private static readonly Dictionary<uint, int> CommonWidths = new CommonField[]
    {
        CommonField.DeviceFeatureSelect, CommonField.DeviceFeature, CommonField.DriverFeatureSelect, CommonField.DriverFeature, CommonField.ConfigMsixVector, CommonField.NumQueues,
        CommonField.DeviceStatus, CommonField.ConfigGeneration, CommonField.QueueSelect, CommonField.QueueSize, CommonField.QueueMsixVector, CommonField.QueueEnable,
        CommonField.QueueNotifyOff, CommonField.QueueDescLow, CommonField.QueueDescHigh, CommonField.QueueDriverLow, CommonField.QueueDriverHigh, CommonField.QueueDeviceLow,
        CommonField.QueueDeviceHigh, CommonField.QueueNotifConfigData, CommonField.QueueReset, new(0x3c, 2), new(0x3e, 2),
    }.ToDictionary(field => field.Offset, field => field.Width);

    private static readonly (string Name, CommonField Field)[] ReadOnly =
    [
        ("device_feature", CommonField.DeviceFeature), ("num_queues", CommonField.NumQueues), ("config_generation", CommonField.ConfigGeneration),
        ("queue_notify_off", CommonField.QueueNotifyOff), ("queue_notif_config_data", CommonField.QueueNotifConfigData),
    ];

    private static readonly QueueField[] Addresses =
        [QueueField.DescriptorsLow, QueueField.DescriptorsHigh, QueueField.DriverLow, QueueField.DriverHigh, QueueField.DeviceLow, QueueField.DeviceHigh];

    [Rule("PCI-LAYOUT-V-01", Needs = Sight.Registers, Transports = [WatchedTransport.Pci],
        Does = "Compares offset and width of every access to the common and the device configuration with the fields there.",
        Reading = "Each access is to one field, as wide as it is; one of 64 bits is accessed as two of 32, in any order. What is behind the fields of this specification is not looked at.")]
    public static void Each_field_is_accessed_in_its_width(Judge judge, RegisterAccess seen)
    {
        Func<uint, int?>? widthAt = seen.Space switch
        {
            RegisterSpace.PciCommon when seen.Offset < 0x40 => offset => CommonWidths.TryGetValue(offset, out var width) ? width : null,
            RegisterSpace.PciDevice when seen.Offset < IommuConfig.Size => offset => offset >= IommuConfig.BypassOffset ? 1 : offset % 4 == 0 ? 4 : null,
            _ => null,
        };
        if (widthAt is not null) judge.That(widthAt(seen.Offset) == seen.Width, "access to one field, in its width", $"{seen}");
    }

    [Rule("PCI-COMMON-V-01", Needs = Sight.Registers, Transports = [WatchedTransport.Pci],
        Does = "Looks at every write to the common configuration.",
        Reading = "None goes to device_feature, num_queues, config_generation, queue_notify_off or queue_notif_config_data.")]
    public static void No_read_only_field_is_written(Judge judge, RegisterAccess seen)
    {
        if (seen is not { Space: RegisterSpace.PciCommon, IsWrite: true }) return;
        var hit = ReadOnly.FirstOrDefault(row => seen.Offset < row.Field.Offset + row.Field.Width && seen.Offset + seen.Width > row.Field.Offset);
        judge.That(hit.Name is null, "no write to a field that is read-only for the driver", $"{seen}, which is {hit.Name}");
    }

    [Rule("PCI-COMMON-V-02", Needs = Sight.Registers, Transports = [WatchedTransport.Pci],
        Does = "Looks at every write to queue_size with RING_PACKED negotiated.",
        Reading = "It is not 0.")]
    public static void queue_size_is_not_0_with_RING_PACKED(Judge judge, QueueWritten seen)
    {
        if (seen.Field == QueueField.Size && judge.Driver.Has(Features.RingPacked)) judge.That(seen.Value != 0, "a queue_size other than 0", $"{seen}");
    }

    [Rule("PCI-COMMON-V-03", Needs = Sight.Registers, Transports = [WatchedTransport.Pci],
        Does = "Looks at every write to queue_size without RING_PACKED negotiated.",
        Reading = "It is a power of two, so not 0 either.")]
    public static void queue_size_is_a_power_of_2_without_RING_PACKED(Judge judge, QueueWritten seen)
    {
        if (seen.Field == QueueField.Size && judge.Driver.HasNot(Features.RingPacked)) judge.That(ulong.IsPow2(seen.Value), "a queue_size that is a power of two", $"{seen}");
    }

    [Rule("PCI-COMMON-V-04", Needs = Sight.Registers, Transports = [WatchedTransport.Pci],
        Does = "Follows the writes to the fields of each queue.",
        Reading = "queue_desc, queue_driver and queue_device have been written when queue_enable is, and neither they nor queue_size is written after. An upper half that stays 0, "
            + "queue_size and queue_msix_vector need not be written at all.")]
    public static void A_queue_is_enabled_once_its_other_fields_are_set(Judge judge, QueueWritten seen)
    {
        var queue = judge.Driver.Queue(seen.Queue);
        if (seen is { Field: QueueField.Enable, Value: not 0 })
        {
            var missing = ((QueueField[])[QueueField.DescriptorsLow, QueueField.DriverLow, QueueField.DeviceLow]).Where(field => queue.Written(field) is null).ToList();
            judge.That(missing.Count == 0, $"the addresses of queue {seen.Queue} written before queue_enable", $"{seen}, without {string.Join(", ", missing)}");
        }
        else if ((Addresses.Contains(seen.Field) || seen.Field == QueueField.Size) && queue.IsEnabled && !queue.IsResetting)
        {
            judge.That(false, $"no {seen.Field} of queue {seen.Queue} written once it is enabled", $"{seen}");
        }
    }

    [Rule("PCI-COMMON-V-05", Needs = Sight.Registers, Transports = [WatchedTransport.Pci],
        Does = "After every write of 0 to device_status, waits for what the driver does next.",
        Reading = "It reads 0 from device_status before it writes anything else there.")]
    public static void A_reset_is_waited_for(Judge judge, Observation seen)
    {
        var reset = judge.Keep<PendingReset>();
        switch (seen)
        {
            case StatusRead { Status: DeviceStatus.None } or SystemWasReset:
                reset.IsPending = false;
                break;
            case StatusWritten { Status: DeviceStatus.None }:
                reset.IsPending = reset.IsJudged = true;
                break;
            case StatusWritten when reset.IsJudged:
                judge.That(!reset.IsPending, "device_status read as 0 after a reset, before the device is initialised again", $"{seen}");
                reset.IsJudged = reset.IsPending;
                break;
        }
    }

    [Rule("PCI-COMMON-V-06", Needs = Sight.Registers, Transports = [WatchedTransport.Pci],
        Does = "Looks at every write to queue_enable.",
        Reading = "It is not 0.")]
    public static void queue_enable_is_never_written_0(Judge judge, QueueWritten seen)
    {
        if (seen.Field == QueueField.Enable) judge.That(seen.Value != 0, "a queue_enable other than 0", $"{seen}");
    }

    [Rule("PCI-COMMON-V-07", Needs = Sight.Registers, Transports = [WatchedTransport.Pci],
        Does = "After every write of 1 to queue_reset, waits for the driver to set the queue up again.",
        Reading = "It has read 0 from queue_reset before.")]
    public static void A_queue_reset_is_waited_for(Judge judge, QueueWritten seen)
    {
        var wereReset = judge.Keep<HashSet<int>>();
        if (seen.Field == QueueField.Reset) wereReset.Add(seen.Queue);
        else if (wereReset.Contains(seen.Queue) && (Addresses.Contains(seen.Field) || seen.Field is QueueField.Size or QueueField.Enable))
        {
            judge.That(!judge.Driver.Queue(seen.Queue).IsResetting, $"queue_reset of queue {seen.Queue} read as 0 before the queue is set up again", $"{seen}");
            if (seen.Field == QueueField.Enable) wereReset.Remove(seen.Queue);
        }
    }

    private sealed class PendingReset
    {
        public bool IsPending { get; set; }

        public bool IsJudged { get; set; }
    }
}
