namespace Viommu.Device.Topology;

/// <summary>Where the programming interface of a virtio-iommu is.</summary>
public abstract record IommuLocation
{
    private IommuLocation()
    {
    }

    /// <summary>A PCI function (virtio-pci).</summary>
    /// <param name="Segment">Its PCI segment.</param>
    /// <param name="Bdf">Its place there.</param>
    public sealed record Pci(ushort Segment, PciBdf Bdf) : IommuLocation
    {
        /// <inheritdoc/>
        public override string ToString() => $"virtio-iommu at {Segment:x4}:{Bdf}";
    }

    /// <summary>A slot in the physical address space (virtio-mmio).</summary>
    /// <param name="BaseAddress">Its first register, in bytes.</param>
    public sealed record Mmio(ulong BaseAddress) : IommuLocation
    {
        /// <summary>Length that a slot is described with, in bytes: registers of section 4.2.2 and configuration space.</summary>
        public const ulong Length = 0x200;

        /// <inheritdoc/>
        public override string ToString() => $"virtio-iommu at 0x{BaseAddress:x}";
    }
}
