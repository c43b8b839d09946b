using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Pci;

/// <summary>Available Buffer Notifications (4.1.5.2), driver's side.</summary>
internal static class AvailableBufferNotifications
{
    [Rule("PCI-DOORBELL-V-01", Needs = Sight.Registers, Transports = [WatchedTransport.Pci],
        Does = "Looks at every doorbell without NOTIFICATION_DATA negotiated.", Reading = "It is 16 bits wide.")]
    public static void A_doorbell_is_16_bits_wide_without_NOTIFICATION_DATA(Judge judge, Doorbell seen)
    {
        if (judge.Driver.HasNot(Features.NotificationData)) judge.That(seen.Width == 2, "a doorbell of 2 bytes", $"{seen}");
    }

    [Rule("PCI-DOORBELL-V-02", Needs = Sight.Registers, Transports = [WatchedTransport.Pci],
        Does = "Looks at every doorbell with NOTIFICATION_DATA negotiated.", Reading = "It is 32 bits wide.")]
    public static void A_doorbell_is_32_bits_wide_with_NOTIFICATION_DATA(Judge judge, Doorbell seen)
    {
        if (judge.Driver.Has(Features.NotificationData)) judge.That(seen.Width == 4, "a doorbell of 4 bytes", $"{seen}");
    }

    [Rule("PCI-DOORBELL-V-03", Needs = Sight.Registers, Transports = [WatchedTransport.Pci],
        Does = "Compares the value of every doorbell with the queue whose address it went to, with neither NOTIFICATION_DATA nor NOTIF_CONFIG_DATA negotiated.",
        Reading = "It is the index of the virtqueue. Queues that share an address, or whose addresses are not known, are told apart by nothing else, so that any of theirs is accepted.")]
    public static void A_doorbell_says_the_queue_index(Judge judge, Doorbell seen)
    {
        if (judge.Driver.HasNot(Features.NotificationData | Features.NotifConfigData)) Names(judge, seen, seen.Value, queue => (ulong)queue.Number);
    }

    [Rule("PCI-DOORBELL-V-04", Needs = Sight.Registers, Transports = [WatchedTransport.Pci],
        Does = "Compares vq_index of every doorbell with the queue whose address it went to, with NOTIFICATION_DATA but not NOTIF_CONFIG_DATA negotiated.",
        Reading = "It is the index of the virtqueue.")]
    public static void The_lower_half_of_a_doorbell_says_the_queue_index(Judge judge, Doorbell seen)
    {
        if (judge.Driver.Has(Features.NotificationData) && judge.Driver.HasNot(Features.NotifConfigData)) Names(judge, seen, (ushort)seen.Value, queue => (ulong)queue.Number);
    }

    [Rule("PCI-DOORBELL-V-05", Needs = Sight.Registers, Transports = [WatchedTransport.Pci],
        Does = "Compares the value of every doorbell with queue_notif_config_data of the queue whose address it went to, with NOTIF_CONFIG_DATA but not NOTIFICATION_DATA negotiated.",
        Reading = "It is queue_notif_config_data, which need not be the index of the virtqueue.")]
    public static void A_doorbell_says_queue_notif_config_data(Judge judge, Doorbell seen)
    {
        if (judge.Driver.Has(Features.NotifConfigData) && judge.Driver.HasNot(Features.NotificationData)) Names(judge, seen, seen.Value, queue => queue.Read(QueueField.NotifConfigData));
    }

    [Rule("PCI-DOORBELL-V-06", Needs = Sight.Registers, Transports = [WatchedTransport.Pci],
        Does = "Compares the lower half of every doorbell with queue_notif_config_data of the queue whose address it went to, with NOTIFICATION_DATA and NOTIF_CONFIG_DATA negotiated.",
        Reading = "It is queue_notif_config_data, which need not be the index of the virtqueue.")]
    public static void The_lower_half_of_a_doorbell_says_queue_notif_config_data(Judge judge, Doorbell seen)
    {
        if (judge.Driver.Has(Features.NotifConfigData | Features.NotificationData)) Names(judge, seen, (ushort)seen.Value, queue => queue.Read(QueueField.NotifConfigData));
    }

    /// <summary>The clause, with the name that each queue has; a queue whose name the driver has not read has none.</summary>
    private static void Names(Judge judge, Doorbell seen, ulong value, Func<QueueHistory, ulong?> nameOf)
    {
        // 4.1.4.4: the address says which queues are meant; where a recording does not show the multiplier, any that is enabled can be.
        var meant = judge.Driver.Queues.Where(queue => PciView.Of(judge)?.NotifyMultiplier is { } multiplier
            ? queue.Read(QueueField.NotifyOffset) is { } offset && offset * multiplier == seen.Offset
            : queue.IsEnabled).ToList();
        if (meant.Count == 0) return;
        judge.That(meant.Exists(queue => nameOf(queue) == value), $"{string.Join(" or ", meant.Select(queue => $"{nameOf(queue)?.ToString() ?? "what the device gives"} (queue {queue.Number})"))}",
            $"{seen}: {value}");
    }
}
