using Viommu.Guest.Wire;

namespace Viommu.Guest.Transport;

/// <summary>The registers of a virtio device (sections 2.1 to 2.6) through one of its transports (section 4).</summary>
public interface IVirtioTransport
{
    /// <summary>Reads the device status field.</summary>
    DeviceStatus ReadStatus();

    /// <summary>Writes the device status field.</summary>
    void WriteStatus(DeviceStatus status);

    /// <summary>All 64 bits that the device offers.</summary>
    ulong ReadDeviceFeatures();

    /// <summary>Writes all 64 bits that the driver accepts.</summary>
    void WriteDriverFeatures(ulong features);

    /// <summary>Reads back what the driver accepted.</summary>
    ulong ReadDriverFeatures();

    /// <summary>Reads the configuration generation.</summary>
    uint ReadConfigGeneration();

    /// <summary>Reads 1, 2, 4 or 8 bytes of device configuration.</summary>
    ulong ReadConfig(int offset, int width);

    /// <summary>Writes 1, 2, 4 or 8 bytes of device configuration.</summary>
    void WriteConfig(int offset, int width, ulong value);

    /// <summary>Maximum size of a queue in descriptors after reset, its current size later; 0 where the queue does not exist.</summary>
    ushort ReadQueueSize(int queue);

    /// <summary>Sets the size of a queue in descriptors.</summary>
    void WriteQueueSize(int queue, ushort size);

    /// <summary>True while the queue is enabled.</summary>
    bool ReadQueueEnable(int queue);

    /// <summary>Enables a queue.</summary>
    void EnableQueue(int queue);

    /// <summary>Sets the guest-physical addresses of a queue's three parts.</summary>
    void WriteQueueAddresses(int queue, QueueAddresses addresses);

    /// <summary>Starts the reset of one queue (2.6.1); RING_RESET has to be negotiated.</summary>
    void ResetQueue(int queue);

    /// <summary>True while the device reports the reset of one queue as running.</summary>
    bool ReadQueueReset(int queue);

    /// <summary>Tells the device that a queue has new buffers (an available buffer notification).</summary>
    void Notify(int queue);

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

    /// <summary>A level interrupt with a status register: INTx and ISR on PCI.</summary>
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
