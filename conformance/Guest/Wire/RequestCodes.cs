namespace Viommu.Guest.Wire;

/// <summary>The <c>type</c> field of struct virtio_iommu_req_head (5.13.6).</summary>
public static class RequestType
{
    /// <summary>VIRTIO_IOMMU_T_ATTACH.</summary>
    public const byte Attach = 1;

    /// <summary>VIRTIO_IOMMU_T_DETACH.</summary>
    public const byte Detach = 2;

    /// <summary>VIRTIO_IOMMU_T_MAP.</summary>
    public const byte Map = 3;

    /// <summary>VIRTIO_IOMMU_T_UNMAP.</summary>
    public const byte Unmap = 4;

    /// <summary>VIRTIO_IOMMU_T_PROBE.</summary>
    public const byte Probe = 5;
}

/// <summary>The <c>status</c> field of struct virtio_iommu_req_tail (5.13.6). A device can answer any byte, named here or not.</summary>
public enum RequestStatus : byte
{
    /// <summary>VIRTIO_IOMMU_S_OK.</summary>
    Ok = 0,

    /// <summary>VIRTIO_IOMMU_S_IOERR: virtio communication error.</summary>
    IoErr = 1,

    /// <summary>VIRTIO_IOMMU_S_UNSUPP: unsupported request.</summary>
    Unsupp = 2,

    /// <summary>VIRTIO_IOMMU_S_DEVERR: internal device error.</summary>
    DevErr = 3,

    /// <summary>VIRTIO_IOMMU_S_INVAL: invalid parameters.</summary>
    Inval = 4,

    /// <summary>VIRTIO_IOMMU_S_RANGE: out-of-range parameters.</summary>
    Range = 5,

    /// <summary>VIRTIO_IOMMU_S_NOENT: entry not found.</summary>
    NoEnt = 6,

    /// <summary>VIRTIO_IOMMU_S_FAULT: bad address.</summary>
    Fault = 7,

    /// <summary>VIRTIO_IOMMU_S_NOMEM: insufficient resources.</summary>
    NoMem = 8,
}

/// <summary>The <c>flags</c> field of a MAP request (5.13.6.5).</summary>
public static class MapFlags
{
    /// <summary>VIRTIO_IOMMU_MAP_F_READ.</summary>
    public const uint Read = 1 << 0;

    /// <summary>VIRTIO_IOMMU_MAP_F_WRITE.</summary>
    public const uint Write = 1 << 1;

    /// <summary>VIRTIO_IOMMU_MAP_F_MMIO.</summary>
    public const uint Mmio = 1 << 2;

    /// <summary>The flags as letters R, W, M and the undefined rest in hex.</summary>
    public static string Describe(uint flags)
    {
        var text = ((flags & Read) != 0 ? "R" : "") + ((flags & Write) != 0 ? "W" : "") + ((flags & Mmio) != 0 ? "M" : "");
        var rest = flags & ~(Read | Write | Mmio);
        return rest != 0 ? $"{text}+0x{rest:x}" : text.Length == 0 ? "none" : text;
    }
}

/// <summary>Names as reports show them.</summary>
public static class RequestStatusNames
{
    /// <summary>The spec's name without its prefix, or the number in hex.</summary>
    public static string Name(this RequestStatus status) =>
        Enum.IsDefined(status) ? status.ToString().ToUpperInvariant() : $"status 0x{(byte)status:x2}";
}
