using Viommu.Guest.Pci;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>A virtio structure capability (4.1.4), as it stands in configuration space.</summary>
/// <param name="Function">The function that has it.</param>
/// <param name="At">Where it is in configuration space.</param>
internal sealed record VirtioCapability(PciFunction Function, int At)
{
    /// <summary>struct virtio_pci_cap without what can follow.</summary>
    public const int PlainSize = 16;

    private const int CapabilityLengthAt = 2;
    private const int TypeAt = 3;
    private const int BarAt = 4;
    private const int IdAt = 5;
    private const int OffsetAt = 8;
    private const int LengthAt = 12;

    /// <summary><c>cap_len</c>.</summary>
    public int CapabilityLength => (int)Function.Read(At + CapabilityLengthAt, 1);

    /// <summary><c>cfg_type</c>.</summary>
    public StructureType Type => (StructureType)Function.Read(At + TypeAt, 1);

    /// <summary><c>bar</c>.</summary>
    public int Bar => (int)Function.Read(At + BarAt, 1);

    /// <summary><c>id</c>.</summary>
    public byte Id => (byte)Function.Read(At + IdAt, 1);

    /// <summary><c>offset</c>.</summary>
    public uint Offset => Function.Read(At + OffsetAt, 4);

    /// <summary><c>length</c>.</summary>
    public uint Length => Function.Read(At + LengthAt, 4);

    /// <summary>The field behind struct virtio_pci_cap: <c>notify_off_multiplier</c>, <c>pci_cfg_data</c>, <c>offset_hi</c>.</summary>
    public uint FirstExtra => Function.Read(At + PlainSize, 4);

    /// <summary><c>length_hi</c> of struct virtio_pci_cap64.</summary>
    public uint SecondExtra => Function.Read(At + PlainSize + 4, 4);

    /// <summary>
    /// All of them, in the order of the list. A driver has to ignore those with a reserved <c>cfg_type</c>, and those that have a reserved
    /// <c>bar</c> (4.1.4.1), so nothing is judged of them either.
    /// </summary>
    public static IReadOnlyList<VirtioCapability> All(PciFunction function) =>
    [
        .. function.Capabilities().Where(capability => capability.Id == PciCapability.VendorSpecific)
            .Select(capability => new VirtioCapability(function, capability.Offset))
            .Where(capability => Enum.IsDefined(capability.Type) && (capability.Bar <= 5 || !capability.PointsIntoBar)),
    ];

    /// <summary>Those of one type.</summary>
    public static IReadOnlyList<VirtioCapability> All(PciFunction function, StructureType type) => [.. All(function).Where(capability => capability.Type == type)];

    /// <summary>True for the types whose <c>bar</c>, <c>offset</c> and <c>length</c> say where a structure is; elsewhere the driver writes them, or they are not there.</summary>
    public bool PointsIntoBar => Type is not (StructureType.PciConfigurationAccess or StructureType.VendorData);

    /// <inheritdoc/>
    public override string ToString() => $"the {Name(Type)} capability at 0x{At:x}";

    /// <summary>What a structure is, for people.</summary>
    public static string Name(StructureType type) => type switch
    {
        StructureType.Common => "common configuration",
        StructureType.Notify => "notification",
        StructureType.Isr => "ISR status",
        StructureType.Device => "device configuration",
        StructureType.PciConfigurationAccess => "PCI configuration access",
        StructureType.SharedMemory => "shared memory",
        StructureType.VendorData => "vendor data",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };
}

/// <summary>The values of <c>cfg_type</c> (4.1.4).</summary>
internal enum StructureType : byte
{
    Common = 1,
    Notify = 2,
    Isr = 3,
    Device = 4,
    PciConfigurationAccess = 5,
    SharedMemory = 8,
    VendorData = 9,
}
