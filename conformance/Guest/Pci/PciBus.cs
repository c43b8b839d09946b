using Viommu.Guest.Targets;

namespace Viommu.Guest.Pci;

/// <summary>Enumeration of the root bus, where a virtio-iommu has to be.</summary>
public static class PciBus
{
    /// <summary>VIRTIO's vendor ID (4.1.2).</summary>
    public const ushort VirtioVendor = 0x1af4;

    /// <summary>PCI device ID of a virtio-iommu: 0x1040 plus its virtio device ID (4.1.2, 5.13.1).</summary>
    public const ushort VirtioIommu = 0x1040 + IommuDeviceId;

    private const ushort IommuDeviceId = 23;

    /// <summary>The functions of bus 0 that answer, in order.</summary>
    public static IEnumerable<PciFunction> Scan(ITarget target)
    {
        for (byte device = 0; device < 32; device++)
        {
            for (byte number = 0; number < 8; number++)
            {
                var function = new PciFunction(target, new PciAddress(0, device, number));
                if (function.VendorId is not (0xffff or 0)) yield return function;
                else if (number == 0) break;
                if (number == 0 && (function.Read(0x0e, 1) & 0x80) == 0) break;
            }
        }
    }

    /// <summary>
    /// The transitional virtio-iommu on bus 0. The spec has no device ID for it, so one is known as legacy drivers know theirs (4.1.2.3):
    /// an ID of 0x1000 to 0x103f, revision 0, and the virtio device ID as the subsystem ID. Where no function has all three, it is the
    /// first of the vendor with the most of them: what is wrong with it is for checks to say. Throws <see cref="GuestSetupException"/>
    /// where none has any but the revision.
    /// </summary>
    public static PciFunction FindTransitionalIommu(ITarget target) =>
        Scan(target).Where(function => function.VendorId == VirtioVendor)
            .Where(function => HasTransitionalId(function) || HasSubsystemOfIommu(function))
            .MaxBy(function => (HasTransitionalId(function) ? 2 : 0) + (HasSubsystemOfIommu(function) ? 2 : 0) + (function.Read(0x08, 1) == 0 ? 1 : 0))
        ?? throw new GuestSetupException($"no transitional virtio-iommu on the root bus of {target.Identity}");

    /// <summary>The first virtio-iommu on bus 0; throws <see cref="GuestSetupException"/> where there is none.</summary>
    public static PciFunction FindIommu(ITarget target) =>
        Scan(target).FirstOrDefault(function => function.VendorId == VirtioVendor && function.DeviceId == VirtioIommu)
        ?? throw new GuestSetupException($"no virtio-iommu (PCI {VirtioVendor:x4}:{VirtioIommu:x4}) on the root bus of {target.Identity}");

    private static bool HasTransitionalId(PciFunction function) => function.DeviceId is >= 0x1000 and <= 0x103f;

    private static bool HasSubsystemOfIommu(PciFunction function) => function.Read(0x2e, 2) == IommuDeviceId;
}
