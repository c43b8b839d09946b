using Viommu.Guest.Virtqueue;

namespace Viommu.Conformance.Checks.PackedRing;

/// <summary>The two flags that a used descriptor has alike (2.8.1).</summary>
internal static class UsedMark
{
    /// <summary>Both of them.</summary>
    public const DescriptorFlags Both = DescriptorFlags.Available | DescriptorFlags.Used;

    /// <summary>What they are in a used descriptor in the round that the driver, and the device with nothing left to do, is in.</summary>
    public static DescriptorFlags For(PackedQueue queue) => queue.WrapCounter ? Both : DescriptorFlags.None;
}
