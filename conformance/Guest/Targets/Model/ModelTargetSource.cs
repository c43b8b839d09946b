using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Transport;
using Viommu.Device.Transport.Mmio;
using Viommu.Device.Transport.Pci;
using Viommu.Device.Wire;
using Viommu.Guest.Targets.Served;
using DeviceRegion = Viommu.Device.Iommu.ReservedRegion;

namespace Viommu.Guest.Targets.Model;

/// <summary>The embedded reference device, in this process. Every shape can be had, and nothing takes time.</summary>
public sealed class ModelTargetSource : ITargetSource
{
    private const ulong LegacyBits = uint.MaxValue;

    private static readonly DeviceRegion MessageDoorbell = new(new AddressRange(0xfee0_0000, 0xfeef_ffff), ReservedRegionKind.Msi);

    // Over guest memory, so that an access that ought to go nowhere has somewhere to go.
    private static readonly DeviceRegion PlatformReserved = new(new AddressRange(0x300_0000, 0x300_ffff), ReservedRegionKind.Reserved);

    private readonly ModelVariation variation;
    private readonly ModelConfiguration configuration;

    /// <param name="variation">Parts put in place of the reference device's own; null for the reference device itself.</param>
    /// <param name="configuration">How guests use it; null for modern PCI and split rings.</param>
    /// <exception cref="ArgumentException">There is no such machine: see <see cref="ModelConfiguration.Problem"/>.</exception>
    public ModelTargetSource(ModelVariation? variation = null, ModelConfiguration? configuration = null)
    {
        this.variation = variation ?? new ModelVariation();
        this.configuration = configuration ?? new ModelConfiguration();
        if (this.configuration.Problem is { } problem) throw new ArgumentException(problem, nameof(configuration));
        Name = this.configuration == new ModelConfiguration()
            ? "model"
            : $"model-{ModelConfiguration.NameOf(this.configuration.Transport)}-{ModelConfiguration.NameOf(this.configuration.Ring)}";
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>How guests use it.</summary>
    public ModelConfiguration Configuration => configuration;

    /// <summary>The guest memory of each machine, where a guest in another process has it too; null for memory that is the machine's alone.</summary>
    public GuestMemoryFile? Memory { get; init; }

    /// <summary>Memory of a machine elsewhere, as its devices and as its processor reach it; null for memory of this process.</summary>
    internal (IGuestMemory Memory, IGuestRam Ram)? Hosted { get; init; }

    /// <inheritdoc/>
    public bool HasVirtualTime => true;

    /// <inheritdoc/>
    public ulong AlsoAccept => configuration.Ring == ModelRing.Packed ? Wire.Features.RingPacked : 0;

    /// <inheritdoc/>
    public ITarget? Open(TargetShape shape, out string? whyNot)
    {
        if ((shape.Offering & shape.Withholding) != 0) throw new ArgumentException("a shape both offers and withholds a feature", nameof(shape));
        var chapter = (ulong)new IommuOptions().Features;
        var reserved = (ulong)VirtioFeatures.Default;
        var offered = ((chapter | reserved | AlsoAccept) & ~shape.Withholding) | shape.Offering;
        whyNot = WhyNot(shape, offered);
        if (whyNot is not null) return null;
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
        IGuestMemory memory = Hosted?.Memory ?? (Memory is { } file ? new MappedMemory(file) : ModelTarget.NewMemory());
        var features = (VirtioFeatures)(offered & ~(ulong)IommuFeatures.All);
        return variation.Machine(new ModelTarget(memory, Hosted?.Ram, options, features, configuration, variation));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private string? WhyNot(TargetShape shape, ulong offered)
    {
        var supported = configuration.Transport == ModelTransport.Mmio ? VirtioMmioOptions.SupportedFeatures : VirtioFeatures.Supported;
        var unknown = offered & ~((ulong)IommuFeatures.All | (ulong)supported);
        if (configuration.IsLegacy) unknown |= shape.Offering & ~LegacyBits;
        if (unknown == 0) return null;
        var where = configuration.IsLegacy ? "on a legacy interface, which has bits 0 to 31" : $"on {ModelConfiguration.NameOf(configuration.Transport)}";
        return $"the model cannot offer {Wire.Features.Describe(unknown)} {where}";
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
