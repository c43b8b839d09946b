namespace Viommu.Guest.Targets.Model;

/// <summary>The transport that the model sits on (section 4).</summary>
public enum ModelTransport
{
    /// <summary>virtio-pci, modern (4.1).</summary>
    Pci,

    /// <summary>virtio-mmio version 2 (4.2).</summary>
    Mmio,

    /// <summary>virtio-mmio version 1 (4.2.4).</summary>
    LegacyMmio,

    /// <summary>The legacy interface of a transitional virtio-pci (4.1.4.10): an extension, since the spec has no such virtio-iommu.</summary>
    TransitionalPci,
}

/// <summary>The kind of ring that driver and model use (2.7, 2.8).</summary>
public enum ModelRing
{
    /// <summary>Split virtqueues.</summary>
    Split,

    /// <summary>Packed virtqueues: RING_PACKED is offered, and accepted.</summary>
    Packed,
}

/// <summary>One of the ways in which a guest can use the model.</summary>
public sealed record ModelConfiguration(ModelTransport Transport = ModelTransport.Pci, ModelRing Ring = ModelRing.Split)
{
    /// <summary>Every legal combination, the default first.</summary>
    public static IReadOnlyList<ModelConfiguration> All { get; } =
    [
        .. from transport in Enum.GetValues<ModelTransport>()
           from ring in Enum.GetValues<ModelRing>()
           let configuration = new ModelConfiguration(transport, ring)
           where configuration.Problem is null
           select configuration,
    ];

    /// <summary>True where the guest uses a legacy interface.</summary>
    public bool IsLegacy => Transport is ModelTransport.LegacyMmio or ModelTransport.TransitionalPci;

    /// <summary>Why there is no such machine; null where there is.</summary>
    public string? Problem => IsLegacy && Ring == ModelRing.Packed
        ? $"{NameOf(Transport)} has no packed rings: RING_PACKED is bit 34, and a legacy interface has feature bits 0 to 31"
        : null;

    /// <summary>The words of a transport, as users write them.</summary>
    public static string NameOf(ModelTransport transport) => transport switch
    {
        ModelTransport.Pci => "pci",
        ModelTransport.Mmio => "mmio",
        ModelTransport.LegacyMmio => "mmio-legacy",
        ModelTransport.TransitionalPci => "pci-transitional",
        _ => throw new ArgumentOutOfRangeException(nameof(transport), transport, null),
    };

    /// <summary>The words of a ring, as users write them.</summary>
    public static string NameOf(ModelRing ring) => ring == ModelRing.Packed ? "packed" : "split";

    /// <summary>Transport and ring, for people: <c>mmio, packed</c>.</summary>
    public override string ToString() => $"{NameOf(Transport)}, {NameOf(Ring)}";
}
