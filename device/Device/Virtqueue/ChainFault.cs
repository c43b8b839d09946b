namespace Viommu.Device.Virtqueue;

/// <summary>What makes a virtqueue unusable. Each is a fault of the driver from which the device cannot recover by itself.</summary>
public enum ChainFault
{
    /// <summary>Nothing is wrong.</summary>
    None,

    /// <summary>A head or <c>next</c> lies outside its descriptor table.</summary>
    IndexOutOfRange,

    /// <summary>The chain has more descriptors than the queue size (section 2.7.5.3.1), which a loop always has.</summary>
    TooLong,

    /// <summary>The buffers of the chain exceed 2^32 bytes in total (section 2.7.5.2).</summary>
    TooManyBytes,

    /// <summary>A descriptor cannot be read: no memory is there.</summary>
    TableUnreadable,

    /// <summary>A buffer or table leaves the 64-bit address space.</summary>
    AddressWraps,

    /// <summary>A device-readable buffer follows a device-writable one (section 2.7.4.2).</summary>
    ReadableAfterWritable,

    /// <summary>VIRTQ_DESC_F_INDIRECT without VIRTIO_F_INDIRECT_DESC negotiated.</summary>
    IndirectNotNegotiated,

    /// <summary>VIRTQ_DESC_F_INDIRECT inside an indirect table.</summary>
    IndirectNested,

    /// <summary>VIRTQ_DESC_F_INDIRECT together with VIRTQ_DESC_F_NEXT.</summary>
    IndirectWithNext,

    /// <summary>The size of an indirect table is zero or no multiple of 16.</summary>
    IndirectTableSize,

    /// <summary>A buffer of the chain is not all memory.</summary>
    BufferUnreachable,

    /// <summary>The available ring cannot be read.</summary>
    AvailableRingUnreadable,

    /// <summary>The available index is more than the queue size ahead of the device: it was decremented, or made a jump.</summary>
    AvailableIndexJump,

    /// <summary>The used ring cannot be written.</summary>
    UsedRingUnwritable,
}
