namespace Viommu.Device.Wire;

/// <summary>VIRTIO_IOMMU_T_* (section 5.13.6). A guest can send any byte.</summary>
internal enum RequestType : byte
{
    Attach = 1,
    Detach = 2,
    Map = 3,
    Unmap = 4,
    Probe = 5,
}

/// <summary>VIRTIO_IOMMU_S_* (section 5.13.6).</summary>
internal enum RequestStatus : byte
{
    /// <summary>All good.</summary>
    Ok = 0,

    /// <summary>Virtio communication error.</summary>
    IoErr = 1,

    /// <summary>Unsupported request.</summary>
    Unsupp = 2,

    /// <summary>Internal device error.</summary>
    DevErr = 3,

    /// <summary>Invalid parameters.</summary>
    Inval = 4,

    /// <summary>Out-of-range parameters.</summary>
    Range = 5,

    /// <summary>Entry not found.</summary>
    NoEnt = 6,

    /// <summary>Bad address.</summary>
    Fault = 7,

    /// <summary>Insufficient resources.</summary>
    NoMem = 8,
}
