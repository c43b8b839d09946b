namespace Viommu.Device.Transport.Pci;

/// <summary>What configuration space says of a virtio device beside its vendor (section 4.1.2).</summary>
internal sealed record PciIdentity(ushort DeviceId, byte RevisionId, ushort SubsystemId)
{
    private const ushort FirstModernDeviceId = 0x1040;
    private const ushort FirstTransitionalDeviceId = 0x1000;

    /// <summary>PCI-DISC-D-05..07: device ID in the modern range, revision 1 or above, subsystem ID 0x40 or above.</summary>
    public static PciIdentity Modern(ushort virtioId)
    {
        ushort id = (ushort)(FirstModernDeviceId + virtioId);
        return new(id, 1, id);
    }

    /// <summary>
    /// LEGACY-PCIDISC-D-01..03. The specification lists the transitional ID of each type that has one, a virtio-iommu not among them: here
    /// it is made like the modern one, which no listed type collides with.
    /// </summary>
    public static PciIdentity Transitional(ushort virtioId) => new((ushort)(FirstTransitionalDeviceId + virtioId), 0, virtioId);
}
