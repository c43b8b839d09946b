namespace Viommu.Conformance.Watching.Selftest;

/// <summary>Every broken driver there is.</summary>
internal static class BrokenDrivers
{
    public static IReadOnlyList<BrokenDriver> All { get; } =
    [
        .. BrokenDriverStatus.All(),
        .. BrokenDriverFeatures.All(),
        .. BrokenDriverConfiguration.All(),
        .. BrokenDriverLifecycle.All(),
        .. BrokenDriverRequests.All(),
        .. BrokenDriverUnmappings.All(),
        .. BrokenDriverProperties.All(),
        .. BrokenDriverMmio.All(),
        .. BrokenDriverLegacy.All(),
        .. BrokenDriverRings.All(),
        .. BrokenDriverPackedRings.All(),
        .. BrokenDriverPci.All(),
    ];
}
