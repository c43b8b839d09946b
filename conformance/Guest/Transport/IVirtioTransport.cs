using Viommu.Guest.Wire;

namespace Viommu.Guest.Transport;

/// <summary>The registers of a virtio device (sections 2.1 to 2.6) through one of its transports (section 4).</summary>
public interface IVirtioTransport
{
    /// <summary>
    /// True on a legacy interface (1.3.1): no FEATURES_OK, feature bits 0 to 31 only, no configuration generation, no queue reset, and
    /// split rings in one piece.
    /// </summary>
    bool IsLegacy { get; }

    /// <summary>Queue Align in bytes, where the interface is legacy (2.7.2); null elsewhere.</summary>
    int? LegacyQueueAlignment { get; }

    /// <summary>True where <see cref="WriteQueueSize"/> works; else a queue has the size that the device reports.</summary>
    bool CanSizeQueues { get; }

    /// <summary>True where the device can notify by <see cref="NotificationMode.Messages"/>.</summary>
    bool HasMessages { get; }

    /// <summary>Length of the device configuration structure in bytes; null where the transport does not tell.</summary>
    uint? ConfigLength => null;

    /// <summary>Reads the device status field.</summary>
    DeviceStatus ReadStatus();

    /// <summary>Writes the device status field.</summary>
    void WriteStatus(DeviceStatus status);

    /// <summary>All 64 bits that the device offers; on a legacy interface the 32 that there are.</summary>
    ulong ReadDeviceFeatures();

    /// <summary>Writes all bits that the driver accepts, 64 or on a legacy interface 32; throws <see cref="ArgumentOutOfRangeException"/> for more.</summary>
    void WriteDriverFeatures(ulong features);

    /// <summary>Reads the configuration generation; null where the interface has none.</summary>
    uint? ReadConfigGeneration();

    /// <summary>Reads 1, 2, 4 or 8 bytes of device configuration.</summary>
    ulong ReadConfig(int offset, int width);

    /// <summary>Writes 1, 2, 4 or 8 bytes of device configuration.</summary>
    void WriteConfig(int offset, int width, ulong value);

    /// <summary>Maximum size of a queue in descriptors; 0 where the queue does not exist. On modern PCI the current size, once that is set.</summary>
    ushort ReadQueueSize(int queue);

    /// <summary>Sets the size of a queue in descriptors.</summary>
    void WriteQueueSize(int queue, ushort size);

    /// <summary>True while the queue is enabled.</summary>
    bool ReadQueueEnable(int queue);

    /// <summary>Enables a queue. On a legacy interface that is what tells the device where the queue is.</summary>
    void EnableQueue(int queue);

    /// <summary>Sets the guest-physical addresses of a queue's three parts; on a legacy interface they lie as 2.7.2 says.</summary>
    void WriteQueueAddresses(int queue, QueueAddresses addresses);

    /// <summary>Starts the reset of one queue (2.6.1); RING_RESET has to be negotiated, which a legacy interface cannot.</summary>
    void ResetQueue(int queue);

    /// <summary>True while the device reports the reset of one queue as running.</summary>
    bool ReadQueueReset(int queue);

    /// <summary>Tells the device that a queue has new buffers (an available buffer notification, 2.9).</summary>
    void Notify(int queue);

    /// <summary>The same with NOTIFICATION_DATA negotiated: <paramref name="position"/> holds next_off in bits 0 to 14 and next_wrap in bit 15.</summary>
    void Notify(int queue, ushort position);

    /// <summary>Routes used buffer and configuration change notifications; called between reset and DRIVER_OK.</summary>
    /// <returns>False where the transport of this device cannot notify that way.</returns>
    bool RouteNotifications(NotificationMode mode, ulong messageArea);

    /// <summary>What the device has notified since the last call.</summary>
    Notifications TakeNotifications();
}

/// <summary>Guest-physical addresses of the three parts of a virtqueue (2.6): descriptor, driver and device area.</summary>
public readonly record struct QueueAddresses(ulong Descriptors, ulong Driver, ulong Device);

/// <summary>How the device is to notify the driver.</summary>
public enum NotificationMode
{
    /// <summary>The driver polls and the device need not notify: on PCI, INTx is disabled and no vector is assigned.</summary>
    Polled,

    /// <summary>A level interrupt with a status register: INTx and ISR on PCI, InterruptStatus over MMIO.</summary>
    Line,

    /// <summary>MSI-X messages, each of which the driver directs to a word of guest memory and finds there.</summary>
    Messages,
}

/// <summary>What a device can notify a driver of (2.3).</summary>
[Flags]
public enum Notifications
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>A buffer was used on some queue.</summary>
    Used = 1,

    /// <summary>The configuration, or DEVICE_NEEDS_RESET, changed.</summary>
    Config = 2,
}
