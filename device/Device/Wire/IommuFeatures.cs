namespace Viommu.Device.Wire;

/// <summary>Feature bits of device type 23 (section 5.13.3).</summary>
[Flags]
public enum IommuFeatures : ulong
{
    /// <summary>No feature.</summary>
    None = 0,

    /// <summary>VIRTIO_IOMMU_F_INPUT_RANGE: <c>input_range</c> describes the virtual addresses available.</summary>
    InputRange = 1 << 0,

    /// <summary>VIRTIO_IOMMU_F_DOMAIN_RANGE: <c>domain_range</c> describes the domains supported.</summary>
    DomainRange = 1 << 1,

    /// <summary>VIRTIO_IOMMU_F_MAP_UNMAP: MAP and UNMAP are available.</summary>
    MapUnmap = 1 << 2,

    /// <summary>VIRTIO_IOMMU_F_BYPASS, superseded: once negotiated, unattached endpoints are in bypass mode.</summary>
    Bypass = 1 << 3,

    /// <summary>VIRTIO_IOMMU_F_PROBE: PROBE is available.</summary>
    Probe = 1 << 4,

    /// <summary>VIRTIO_IOMMU_F_MMIO: the flag VIRTIO_IOMMU_MAP_F_MMIO is available.</summary>
    Mmio = 1 << 5,

    /// <summary>VIRTIO_IOMMU_F_BYPASS_CONFIG: the field <c>bypass</c> and VIRTIO_IOMMU_ATTACH_F_BYPASS decide about bypass mode.</summary>
    BypassConfig = 1 << 6,

    /// <summary>Every bit that the section defines.</summary>
    All = InputRange | DomainRange | MapUnmap | Bypass | Probe | Mmio | BypassConfig,
}
