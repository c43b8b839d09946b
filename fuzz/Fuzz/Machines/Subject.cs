using Viommu.Conformance.Selftest;
using Viommu.Guest.Targets.Model;

namespace Viommu.Fuzz.Machines;

/// <summary>What is fuzzed: the reference device, or one of the broken devices that are made around it.</summary>
/// <param name="Variation">How it is put together.</param>
/// <param name="Configuration">The transport and the ring on which what is wrong with it shows.</param>
internal sealed record Subject(ModelVariation Variation, ModelConfiguration Configuration)
{
    private static readonly ModelVariation _asItIs = new();

    /// <summary>The reference device.</summary>
    public static Subject Reference { get; } = new(_asItIs, new());

    /// <summary>True where something stands between drivers and the device's registers, so that drivers have to come through a whole machine.</summary>
    public bool InterceptsRegisters => Variation.Machine != _asItIs.Machine;

    /// <summary>True where what virtio-pci offers is not what the reference device does.</summary>
    public bool VariesPci => Variation.PciOptions != _asItIs.PciOptions;

    /// <summary>True where it shows on that ring to drivers of a modern transport.</summary>
    public bool IsOnRing(ModelRing ring) => !Configuration.IsLegacy && Configuration.Ring == ring;

    /// <summary>A broken device.</summary>
    public static Subject Of(BrokenDevice device) => new(device.Variation, device.Configuration);

    /// <summary>True where what is wrong with it can be met through registers of that transport.</summary>
    public bool InterceptsRegistersOf(ModelTransport transport) => InterceptsRegisters && Configuration.Transport == transport;
}
