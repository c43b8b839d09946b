namespace Viommu.Device.Transport;

/// <summary>
/// The device-type half of a virtio device: what section 5 of the spec says of one type, seen from the transports and rings of
/// sections 2 and 4, which are the same for all types.
/// </summary>
public interface IVirtioDevice
{
    /// <summary>The virtio device ID (section 5).</summary>
    ushort DeviceId { get; }

    /// <summary>The feature bits that the type offers (bits 0 to 23); the transport adds the bits of section 6.</summary>
    ulong DeviceTypeFeatures { get; }

    /// <summary>Maximum size of each virtqueue, in descriptors, by queue number.</summary>
    IReadOnlyList<ushort> MaximumQueueSizes { get; }

    /// <summary>Length of the device configuration structure, in bytes.</summary>
    int ConfigLength { get; }

    /// <summary>The longest device-readable part that any request of the type has, in bytes; more is never copied in.</summary>
    int LongestRequest { get; }

    /// <summary>The longest device-writable part that any request of the type has, in bytes; more is never written.</summary>
    int LongestReply { get; }

    /// <summary>Hands the device the services of the transport it sits on; called once, before anything else.</summary>
    void Connect(IVirtioHost host);

    /// <summary>Copies configuration bytes; <paramref name="offset"/> plus the length stay within <see cref="ConfigLength"/>.</summary>
    void ReadConfig(int offset, Span<byte> into);

    /// <summary>The driver writes configuration bytes; fields that are read-only for the driver ignore it.</summary>
    void WriteConfig(int offset, ReadOnlySpan<byte> bytes);

    /// <summary>FEATURES_OK was accepted with this set of features (all 64 bits).</summary>
    void FeaturesNegotiated(ulong features);

    /// <summary>
    /// Handles one request: <paramref name="readable"/> holds the first <see cref="LongestRequest"/> bytes at most of the
    /// device-readable part, <paramref name="reply"/> stands for the first <see cref="LongestReply"/> bytes at most of the
    /// device-writable part and comes zeroed. Returns the number of bytes of <paramref name="reply"/> to write back, counted from
    /// its start: the used length. Zero leaves the buffer unwritten.
    /// </summary>
    int Process(int queue, ReadOnlySpan<byte> readable, Span<byte> reply);

    /// <summary>True where the driver's buffers on <paramref name="queue"/> are requests to process as they come; false where they
    /// wait until the device has something to say (see <see cref="IVirtioHost.TryReport"/>).</summary>
    bool IsRequestQueue(int queue);

    /// <summary>Device reset (section 2.4): the state that a driver built up is gone.</summary>
    void Reset();

    /// <summary>System reset: also what survives a device reset goes back to its initial value.</summary>
    void SystemReset();
}

/// <summary>What a transport does for the device type on it.</summary>
public interface IVirtioHost
{
    /// <summary>
    /// Uses one buffer of <paramref name="queue"/> for <paramref name="report"/> and notifies the driver. A buffer too small for
    /// the report is used with length 0 and the report is lost. False where no buffer is available or the device is not live.
    /// </summary>
    bool TryReport(int queue, ReadOnlySpan<byte> report);

    /// <summary>A configuration field changed by itself: the generation moves and the driver is notified (section 2.5).</summary>
    void ConfigChanged();
}
