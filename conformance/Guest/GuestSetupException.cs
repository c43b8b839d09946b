namespace Viommu.Guest;

/// <summary>The driver cannot bring the device to where a check starts; what it saw is in the message.</summary>
public class GuestSetupException(string message) : Exception(message)
{
    /// <summary>True where it is not the device that failed but what stands between it and the driver.</summary>
    public bool IsOfHarness { get; init; }
}

/// <summary>
/// There is no device in this place, and nothing is wrong with that: a driver goes by without a word (4.2.2.2).
/// </summary>
public sealed class NoDeviceException(string message) : GuestSetupException(message);
