using Viommu.Device.Wire;

namespace Viommu.Device.Transport.Pci;

/// <summary>What a virtio-pci function offers beyond its device type.</summary>
public sealed record VirtioPciOptions
{
    /// <summary>The most vectors that an MSI-X table can have (section 4.1.5.1.2).</summary>
    public const int MaximumMsixVectors = 0x800;

    /// <summary>The bits of section 6 that are offered; VERSION_1 is always among them.</summary>
    public VirtioFeatures Features { get; init; } = VirtioFeatures.Default;

    /// <summary>Number of MSI-X vectors, 0 to 0x800; 0 leaves the MSI-X capability out, so that only INTx is there.</summary>
    public int MsixVectors { get; init; } = 3;

    /// <summary>
    /// True for a transitional function, which has the legacy interface as well (section 4.1.4.10). This is an extension: the
    /// specification assigns a virtio-iommu no transitional PCI device ID, so that a conforming one cannot exist. The function here has
    /// the ID 0x1000 plus the virtio device ID, revision 0, the virtio device ID as subsystem ID, the legacy header in I/O BAR 0 and the
    /// structures of the specification in memory BAR 2.
    /// </summary>
    public bool Transitional { get; init; }

    /// <summary>Throws unless a function can be built like this.</summary>
    /// <exception cref="ArgumentException">Names every problem, one a line.</exception>
    public void Validate()
    {
        var problems = new List<string>();
        if (!Features.HasFlag(VirtioFeatures.Version1)) problems.Add("Features lacks VERSION_1, which a device must offer");
        if ((Features & ~VirtioFeatures.Supported) != 0)
            problems.Add($"Features has bits that the device cannot honour: 0x{(ulong)(Features & ~VirtioFeatures.Supported):x}");
        if (MsixVectors is < 0 or > MaximumMsixVectors) problems.Add($"MsixVectors is {MsixVectors}, not 0 to {MaximumMsixVectors}");
        if (problems.Count > 0) throw new ArgumentException(string.Join(Environment.NewLine, problems));
    }
}
