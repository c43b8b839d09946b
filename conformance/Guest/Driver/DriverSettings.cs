using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Guest.Driver;

/// <summary>How a driver is to start.</summary>
public sealed record DriverSettings
{
    /// <summary>Features to accept where they are offered.</summary>
    public ulong Accept { get; init; } = Features.AcceptedByDefault;

    /// <summary>Features without which the driver gives the device up (2.2).</summary>
    public ulong Require { get; init; }

    /// <summary>How the device is to notify.</summary>
    public NotificationMode Notifications { get; init; } = NotificationMode.Polled;

    /// <summary>Size of the request queue in descriptors; null for what the device reports, capped at 256.</summary>
    public ushort? RequestQueueSize { get; init; }

    /// <summary>Event buffers to post, of the size of a fault report; fewer where the queue is smaller.</summary>
    public int EventBuffers { get; init; }
}
