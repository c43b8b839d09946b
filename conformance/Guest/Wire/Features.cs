namespace Viommu.Guest.Wire;

/// <summary>Feature bits as masks: those of the IOMMU chapter (5.13.3) and the reserved bits (6) that a virtio-iommu can offer.</summary>
public static class Features
{
    /// <summary>VIRTIO_IOMMU_F_INPUT_RANGE (0).</summary>
    public const ulong InputRange = 1UL << 0;

    /// <summary>VIRTIO_IOMMU_F_DOMAIN_RANGE (1).</summary>
    public const ulong DomainRange = 1UL << 1;

    /// <summary>VIRTIO_IOMMU_F_MAP_UNMAP (2).</summary>
    public const ulong MapUnmap = 1UL << 2;

    /// <summary>VIRTIO_IOMMU_F_BYPASS (3), superseded by <see cref="BypassConfig"/>.</summary>
    public const ulong Bypass = 1UL << 3;

    /// <summary>VIRTIO_IOMMU_F_PROBE (4).</summary>
    public const ulong Probe = 1UL << 4;

    /// <summary>VIRTIO_IOMMU_F_MMIO (5).</summary>
    public const ulong Mmio = 1UL << 5;

    /// <summary>VIRTIO_IOMMU_F_BYPASS_CONFIG (6).</summary>
    public const ulong BypassConfig = 1UL << 6;

    /// <summary>VIRTIO_F_NOTIFY_ON_EMPTY (24), legacy.</summary>
    public const ulong NotifyOnEmpty = 1UL << 24;

    /// <summary>VIRTIO_F_ANY_LAYOUT (27), legacy.</summary>
    public const ulong AnyLayout = 1UL << 27;

    /// <summary>UNUSED (30): section 6.1 has transitional devices offer it, and nobody negotiate it.</summary>
    public const ulong Unused = 1UL << 30;

    /// <summary>VIRTIO_F_INDIRECT_DESC (28).</summary>
    public const ulong IndirectDesc = 1UL << 28;

    /// <summary>VIRTIO_F_EVENT_IDX (29).</summary>
    public const ulong EventIdx = 1UL << 29;

    /// <summary>VIRTIO_F_VERSION_1 (32).</summary>
    public const ulong Version1 = 1UL << 32;

    /// <summary>VIRTIO_F_ACCESS_PLATFORM (33).</summary>
    public const ulong AccessPlatform = 1UL << 33;

    /// <summary>VIRTIO_F_RING_PACKED (34).</summary>
    public const ulong RingPacked = 1UL << 34;

    /// <summary>VIRTIO_F_IN_ORDER (35).</summary>
    public const ulong InOrder = 1UL << 35;

    /// <summary>VIRTIO_F_ORDER_PLATFORM (36).</summary>
    public const ulong OrderPlatform = 1UL << 36;

    /// <summary>VIRTIO_F_SR_IOV (37).</summary>
    public const ulong SrIov = 1UL << 37;

    /// <summary>VIRTIO_F_NOTIFICATION_DATA (38).</summary>
    public const ulong NotificationData = 1UL << 38;

    /// <summary>VIRTIO_F_NOTIF_CONFIG_DATA (39).</summary>
    public const ulong NotifConfigData = 1UL << 39;

    /// <summary>VIRTIO_F_RING_RESET (40).</summary>
    public const ulong RingReset = 1UL << 40;

    /// <summary>VIRTIO_F_ADMIN_VQ (41).</summary>
    public const ulong AdminVq = 1UL << 41;

    /// <summary>VIRTIO_F_SUSPEND (43).</summary>
    public const ulong Suspend = 1UL << 43;

    /// <summary>The bits of the IOMMU chapter.</summary>
    public const ulong IommuChapter = 0x7f;

    /// <summary>
    /// What this suite's driver accepts by default where it is offered: the whole chapter, and the reserved bits that change nothing
    /// but the efficiency of a split ring, or without which a device can refuse to work.
    /// </summary>
    public const ulong AcceptedByDefault = IommuChapter | IndirectDesc | EventIdx | Version1 | AccessPlatform | OrderPlatform;

    /// <summary>Section 6 lets a device stop where one of these is offered and not accepted.</summary>
    public const ulong Indispensable = Version1 | AccessPlatform | OrderPlatform;

    /// <summary>Bits that transitional devices offer for drivers of the legacy interface (6.1); others ignore them.</summary>
    public const ulong ForLegacyDrivers = NotifyOnEmpty | AnyLayout | Unused;

    // Section 6 limits these to PCI.
    private const ulong PciOnly = SrIov | NotifConfigData | AdminVq;

    private const ulong ForModernDrivers =
        IommuChapter | IndirectDesc | EventIdx | Version1 | AccessPlatform | RingPacked | InOrder | OrderPlatform | NotificationData | RingReset | Suspend | PciOnly;

    private static readonly string?[] Names = BuildNames();

    /// <summary>The spec's name of a bit without its prefix, or <c>bit N</c>.</summary>
    public static string NameOf(int bit) => Names[bit] ?? $"bit {bit}";

    /// <summary>The names of the bits set, joined by blanks; <c>none</c> for zero.</summary>
    public static string Describe(ulong features) =>
        features == 0 ? "none" : string.Join(' ', Enumerable.Range(0, 64).Where(bit => (features >> bit & 1) != 0).Select(NameOf));

    /// <summary>All that virtio 1.4 describes for an IOMMU on such a transport; every device may be a transitional one.</summary>
    public static ulong OfferableBy(bool isPci) => AcceptableFrom(isPci) | ForLegacyDrivers;

    /// <summary>What a driver of the modern interface may accept of it.</summary>
    public static ulong AcceptableFrom(bool isPci) => isPci ? ForModernDrivers : ForModernDrivers & ~PciOnly;

    private static string?[] BuildNames()
    {
        var names = new string?[64];
        string[] chapter = ["INPUT_RANGE", "DOMAIN_RANGE", "MAP_UNMAP", "BYPASS", "PROBE", "MMIO", "BYPASS_CONFIG"];
        chapter.CopyTo(names, 0);
        string[] reserved =
        [
            "VERSION_1", "ACCESS_PLATFORM", "RING_PACKED", "IN_ORDER", "ORDER_PLATFORM", "SR_IOV", "NOTIFICATION_DATA",
            "NOTIF_CONFIG_DATA", "RING_RESET",
        ];
        reserved.CopyTo(names, 32);
        (names[24], names[27], names[28], names[29], names[43]) = ("NOTIFY_ON_EMPTY", "ANY_LAYOUT", "INDIRECT_DESC", "EVENT_IDX", "SUSPEND");
        return names;
    }
}
