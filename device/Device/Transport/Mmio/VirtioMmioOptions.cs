using Viommu.Device.Wire;

namespace Viommu.Device.Transport.Mmio;

/// <summary>What a virtio-mmio device offers beyond its device type.</summary>
public sealed record VirtioMmioOptions
{
    /// <summary>Every bit of section 6 that can be offered: NOTIF_CONFIG_DATA is not, since only PCI has such data to give.</summary>
    public const VirtioFeatures SupportedFeatures = VirtioFeatures.Supported & ~VirtioFeatures.NotificationConfigData;

    /// <summary>The bits of section 6 that are offered; VERSION_1 is always among them, on the legacy interface too.</summary>
    public VirtioFeatures Features { get; init; } = VirtioFeatures.Default;

    /// <summary>True for the legacy interface (section 4.2.4, Version 1), false for that of the specification (Version 2).</summary>
    public bool Legacy { get; init; }

    /// <summary>Throws unless a device can be built like this.</summary>
    /// <exception cref="ArgumentException">Names every problem, one a line.</exception>
    public void Validate()
    {
        var problems = new List<string>();
        if (!Features.HasFlag(VirtioFeatures.Version1)) problems.Add("Features lacks VERSION_1, which a device must offer");
        if ((Features & ~SupportedFeatures) != 0)
            problems.Add($"Features has bits that the device cannot honour: 0x{(ulong)(Features & ~SupportedFeatures):x}");
        if (problems.Count > 0) throw new ArgumentException(string.Join(Environment.NewLine, problems));
    }
}
