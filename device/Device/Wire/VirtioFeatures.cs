namespace Viommu.Device.Wire;

/// <summary>The reserved feature bits of section 6 that this device knows.</summary>
[Flags]
public enum VirtioFeatures : ulong
{
    /// <summary>No feature.</summary>
    None = 0,

    /// <summary>
    /// VIRTIO_F_ANY_LAYOUT (section 6.3): descriptors can be laid out in any way. Offered by itself through a legacy interface, and
    /// nowhere else.
    /// </summary>
    AnyLayout = 1UL << 27,

    /// <summary>VIRTIO_F_INDIRECT_DESC: descriptors can refer to a table of further ones.</summary>
    IndirectDescriptors = 1UL << 28,

    /// <summary>VIRTIO_F_EVENT_IDX: <c>used_event</c> and <c>avail_event</c> suppress notifications.</summary>
    EventIndex = 1UL << 29,

    /// <summary>VIRTIO_F_VERSION_1: compliance with the specification.</summary>
    Version1 = 1UL << 32,

    /// <summary>VIRTIO_F_ACCESS_PLATFORM: the platform may limit or translate what the device reaches; the device is the same.</summary>
    AccessPlatform = 1UL << 33,

    /// <summary>VIRTIO_F_RING_PACKED: the packed virtqueue layout (section 2.8).</summary>
    RingPacked = 1UL << 34,

    /// <summary>VIRTIO_F_IN_ORDER: buffers are used in the order in which they were made available.</summary>
    InOrder = 1UL << 35,

    /// <summary>VIRTIO_F_ORDER_PLATFORM: the platform orders memory accesses; the device is the same.</summary>
    OrderPlatform = 1UL << 36,

    /// <summary>VIRTIO_F_NOTIFICATION_DATA: driver notifications are 32 bits wide and carry the ring position.</summary>
    NotificationData = 1UL << 38,

    /// <summary>VIRTIO_F_NOTIF_CONFIG_DATA: driver notifications carry <c>queue_notif_config_data</c>.</summary>
    NotificationConfigData = 1UL << 39,

    /// <summary>VIRTIO_F_RING_RESET: a virtqueue can be reset by itself.</summary>
    RingReset = 1UL << 40,

    /// <summary>VIRTIO_F_SUSPEND: the driver can suspend the device.</summary>
    Suspend = 1UL << 43,

    /// <summary>What the device offers unless told otherwise.</summary>
    Default = IndirectDescriptors | EventIndex | Version1 | RingReset | Suspend,

    /// <summary>Every bit that the device can honour.</summary>
    Supported = Default | AccessPlatform | RingPacked | InOrder | OrderPlatform | NotificationData | NotificationConfigData,
}
