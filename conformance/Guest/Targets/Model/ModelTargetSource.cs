using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Transport;
using Viommu.Device.Transport.Pci;
using Viommu.Device.Wire;
using DeviceRegion = Viommu.Device.Iommu.ReservedRegion;

namespace Viommu.Guest.Targets.Model;

/// <summary>The embedded reference device, in this process. Every shape can be had, and nothing takes time.</summary>
/// <param name="variation">Parts put in place of the reference device's own; null for the reference device itself.</param>
public sealed class ModelTargetSource(ModelVariation? variation = null) : ITargetSource
{
    private static readonly DeviceRegion MessageDoorbell = new(new AddressRange(0xfee0_0000, 0xfeef_ffff), ReservedRegionKind.Msi);

    // Over guest memory, so that an access that ought to go nowhere has somewhere to go.
    private static readonly DeviceRegion PlatformReserved = new(new AddressRange(0x300_0000, 0x300_ffff), ReservedRegionKind.Reserved);

    private readonly ModelVariation variation = variation ?? new ModelVariation();

    /// <inheritdoc/>
    public string Name => "model";

    /// <inheritdoc/>
    public ITarget? Open(TargetShape shape, out string? whyNot)
    {
        if ((shape.Offering & shape.Withholding) != 0) throw new ArgumentException("a shape both offers and withholds a feature", nameof(shape));
        whyNot = null;
        var chapter = (ulong)new IommuOptions().Features;
        var reserved = (ulong)VirtioFeatures.Default;
        var offered = ((chapter | reserved) & ~shape.Withholding) | shape.Offering;
        if ((offered & ~((ulong)IommuFeatures.All | (ulong)VirtioFeatures.Supported)) is not 0 and var unknown)
        {
            whyNot = $"the model cannot offer {Wire.Features.Describe(unknown)}";
            return null;
        }
        var options = new IommuOptions
        {
            Features = (IommuFeatures)offered & IommuFeatures.All,
            InitialBypass = shape.InitialBypass ?? true,
            PageSizeMask = shape.PageSizeMask ?? new IommuOptions().PageSizeMask,
            InputRange = shape.InputRange is { } range ? new AddressRange(range.First, range.Last) : new IommuOptions().InputRange,
            Endpoints =
            [
                new EndpointOptions(ModelTarget.FirstEndpoint) { ReservedRegions = [MessageDoorbell, PlatformReserved] },
                new EndpointOptions(ModelTarget.SecondEndpoint) { ReservedRegions = RegionsOfSecond(shape) },
            ],
        };
        var pciOptions = new VirtioPciOptions { Features = (VirtioFeatures)(offered & ~(ulong)IommuFeatures.All) };
        return variation.Machine(new ModelTarget(options, pciOptions, variation));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private static DeviceRegion[] RegionsOfSecond(TargetShape shape) => shape.ReservedForSecondEndpoint is { } region
        ? [MessageDoorbell, new DeviceRegion(new AddressRange(region.First, region.Last), ReservedRegionKind.Reserved)]
        : [MessageDoorbell, PlatformReserved];
}

/// <summary>
/// Parts of the model to put something else around: how devices that break one rule are made without a switch in the reference device.
/// </summary>
public sealed record ModelVariation
{
    /// <summary>Called with the reference device and guest memory; what it returns takes the device's place.</summary>
    public Func<IommuDevice, IGuestMemory, ModelParts> Assemble { get; init; } = (device, _) => new ModelParts(device, device);

    /// <summary>Called with guest memory; what it returns is what the virtqueues see of it.</summary>
    public Func<IGuestMemory, IGuestMemory> RingMemory { get; init; } = memory => memory;

    /// <summary>Called with the finished target; what it returns is what the guest sees.</summary>
    public Func<ITarget, ITarget> Machine { get; init; } = target => target;

    /// <summary>Called with the options of every device built.</summary>
    public Func<IommuOptions, IommuOptions> Options { get; init; } = options => options;

    /// <summary>Called with the options of every PCI function built.</summary>
    public Func<VirtioPciOptions, VirtioPciOptions> PciOptions { get; init; } = options => options;
}

/// <summary>The two sides of a device: the one that a transport talks to, and the one that endpoints' accesses go through.</summary>
public sealed record ModelParts(IVirtioDevice Device, IEndpointDma Dma);
