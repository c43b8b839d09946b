namespace Viommu.Guest;

/// <summary>The driver cannot bring the device to where a check starts; what it saw is in the message.</summary>
public sealed class GuestSetupException(string message) : Exception(message);
