namespace Viommu.Conformance.Selftest;

/// <summary>Every broken device there is.</summary>
internal static class BrokenDevices
{
    public static IReadOnlyList<BrokenDevice> All { get; } =
    [
        .. BrokenConfiguration.All(),
        .. BrokenOperations.All(),
        .. BrokenAttachments.All(),
        .. BrokenFieldWidths.All(),
        .. BrokenTopology.All(),
        .. BrokenMappings.All(),
        .. BrokenUnmappings.All(),
        .. BrokenTranslationCaches.All(),
        .. BrokenProperties.All(),
        .. BrokenReports.All(),
        .. BrokenStatus.All(),
        .. BrokenNegotiation.All(),
        .. BrokenReservedFeatures.All(),
        .. BrokenResets.All(),
        .. BrokenQueueResets.All(),
        .. BrokenSuspension.All(),
        .. BrokenRings.All(),
        .. BrokenChains.All(),
        .. BrokenNotifications.All(),
        .. BrokenPackedRings.All(),
        .. BrokenPackedLists.All(),
        .. BrokenPackedEvents.All(),
        .. BrokenMmio.All(),
        .. BrokenMmioQueues.All(),
        .. BrokenLegacyMmio.All(),
        .. BrokenLegacyPci.All(),
        .. BrokenPciFunction.All(),
        .. BrokenPciCapabilities.All(),
        .. BrokenPciRegisters.All(),
        .. BrokenPciQueues.All(),
        .. BrokenPciWindow.All(),
        .. BrokenPciInterrupts.All(),
        .. BrokenPciLegacy.All(),
    ];
}
