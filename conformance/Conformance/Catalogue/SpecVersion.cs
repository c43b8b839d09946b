namespace Viommu.Conformance.Catalogue;

/// <summary>A version of the virtio specification to judge by, oldest first. A virtio-iommu exists since 1.2, and its chapter has not changed since.</summary>
public enum SpecVersion
{
    /// <summary>Virtio 1.2.</summary>
    V1_2,

    /// <summary>Virtio 1.3: feature bits that a device cannot honour, or a driver does not know; the doorbell of PCI as rules.</summary>
    V1_3,

    /// <summary>Virtio 1.4: suspend and resume.</summary>
    V1_4,
}

/// <summary>Versions of the specification as users spell them.</summary>
public static class SpecVersions
{
    /// <summary>The version that the catalogue is made of, and that is judged by where nobody says otherwise.</summary>
    public const SpecVersion Latest = SpecVersion.V1_4;

    /// <summary>Every version, oldest first.</summary>
    public static IReadOnlyList<SpecVersion> All { get; } = Enum.GetValues<SpecVersion>();

    /// <summary>The version's number.</summary>
    public static string Name(this SpecVersion version) => version switch
    {
        SpecVersion.V1_2 => "1.2",
        SpecVersion.V1_3 => "1.3",
        SpecVersion.V1_4 => "1.4",
        _ => throw new ArgumentOutOfRangeException(nameof(version), version, null),
    };

    /// <summary>The version of that number; null where there is none.</summary>
    public static SpecVersion? Parse(string number) => All.Where(v => v.Name() == number).Select(v => (SpecVersion?)v).FirstOrDefault();
}
