namespace Viommu.Device.Virtqueue;

/// <summary>What makes a virtqueue unusable. Each is a fault of the driver from which the device cannot recover by itself.</summary>
public enum ChainFault
{
    /// <summary>Nothing is wrong.</summary>
    None,

    /// <summary>A head or <c>next</c> lies outside its descriptor table.</summary>
    IndexOutOfRange,

    /// <summary>The chain has more descriptors than the queue size (sections 2.7.5.3.1 and 2.8.17), which a loop always has.</summary>
    TooLong,

    /// <summary>The buffers of a chain in a split ring exceed 2^32 bytes in total (section 2.7.5.2).</summary>
    TooManyBytes,

    /// <summary>A descriptor cannot be read: no memory is there.</summary>
    TableUnreadable,

    /// <summary>A buffer or table leaves the 64-bit address space.</summary>
    AddressWraps,

    /// <summary>A device-readable buffer follows a device-writable one (sections 2.7.4.2 and 2.8.17).</summary>
    ReadableAfterWritable,

    /// <summary>VIRTQ_DESC_F_INDIRECT without VIRTIO_F_INDIRECT_DESC negotiated.</summary>
    IndirectNotNegotiated,

    /// <summary>VIRTQ_DESC_F_INDIRECT inside an indirect table.</summary>
    IndirectNested,

    /// <summary>
    /// VIRTQ_DESC_F_INDIRECT together with VIRTQ_DESC_F_NEXT; in a packed ring anywhere in a list (section 2.8.19).
    /// </summary>
    IndirectWithNext,

    /// <summary>The size of an indirect table is zero or no multiple of 16.</summary>
    IndirectTableSize,

    /// <summary>A buffer of the chain is not all memory.</summary>
    BufferUnreachable,

    /// <summary>The available ring cannot be read.</summary>
    AvailableRingUnreadable,

    /// <summary>
    /// The available index says that more chains are outstanding than the queue has descriptors: it was decremented, or made a jump.
    /// </summary>
    AvailableIndexJump,

    /// <summary>The used ring cannot be written.</summary>
    UsedRingUnwritable,

    /// <summary>VIRTQ_DESC_F_NEXT leads to a descriptor of the packed ring that is not marked available (section 2.8.6).</summary>
    NextNotAvailable,

    /// <summary>A descriptor of the packed ring was made available again before the device marked it used (section 2.8.17).</summary>
    AvailableBeforeUsed,

    /// <summary>A descriptor of the packed ring cannot be written.</summary>
    DescriptorRingUnwritable,

    /// <summary>The driver event suppression structure cannot be read.</summary>
    DriverEventUnreadable,

    /// <summary>The device event suppression structure cannot be written.</summary>
    DeviceEventUnwritable,
}
