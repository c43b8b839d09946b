namespace Viommu.Guest.Virtqueue;

/// <summary>The device's queue is smaller than what was to be put on it, which is the device's good right.</summary>
public sealed class QueueTooSmallException(string message) : Exception(message);
