using System.Globalization;

namespace Viommu.Conformance.Reports;

/// <summary>Feature bits by the names the spec gives them.</summary>
internal static class FeatureNames
{
    private static readonly Dictionary<int, string> Names = new()
    {
        [0] = "VIRTIO_IOMMU_F_INPUT_RANGE",
        [1] = "VIRTIO_IOMMU_F_DOMAIN_RANGE",
        [2] = "VIRTIO_IOMMU_F_MAP_UNMAP",
        [3] = "VIRTIO_IOMMU_F_BYPASS",
        [4] = "VIRTIO_IOMMU_F_PROBE",
        [5] = "VIRTIO_IOMMU_F_MMIO",
        [6] = "VIRTIO_IOMMU_F_BYPASS_CONFIG",
        [24] = "VIRTIO_F_NOTIFY_ON_EMPTY",
        [27] = "VIRTIO_F_ANY_LAYOUT",
        [28] = "VIRTIO_F_INDIRECT_DESC",
        [29] = "VIRTIO_F_EVENT_IDX",
        [32] = "VIRTIO_F_VERSION_1",
        [33] = "VIRTIO_F_ACCESS_PLATFORM",
        [34] = "VIRTIO_F_RING_PACKED",
        [35] = "VIRTIO_F_IN_ORDER",
        [36] = "VIRTIO_F_ORDER_PLATFORM",
        [37] = "VIRTIO_F_SR_IOV",
        [38] = "VIRTIO_F_NOTIFICATION_DATA",
        [39] = "VIRTIO_F_NOTIF_CONFIG_DATA",
        [40] = "VIRTIO_F_RING_RESET",
        [41] = "VIRTIO_F_ADMIN_VQ",
        [43] = "VIRTIO_F_SUSPEND",
    };

    /// <summary>Names of the bits that are set, lowest first; a bit the spec does not name by its number.</summary>
    public static IEnumerable<string> Of(ulong features) =>
        Enumerable.Range(0, 64).Where(bit => (features >> bit & 1) != 0)
            .Select(bit => Names.TryGetValue(bit, out var name) ? name : string.Create(CultureInfo.InvariantCulture, $"bit {bit}"));
}
