using System.Reflection;
using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Transport;
using Viommu.Device.Transport.Mmio;
using Viommu.Device.Transport.Pci;
using Viommu.Device.Wire;

namespace Viommu.Guest.Targets.Model;

/// <summary>
/// A machine in this process: the virtio-iommu at 00:03.0, and endpoints behind it. All it has to do is
/// done when a call returns. An exception out of the device is a death of the target.
/// </summary>
public sealed class ModelTarget : ITarget
{
    /// <summary>Endpoint ID of the first endpoint: the requester ID of 00:04.0.</summary>
    public const uint FirstEndpoint = 0x20;

    /// <summary>Endpoint ID of the second endpoint: the requester ID of 00:05.0.</summary>
    public const uint SecondEndpoint = 0x28;

    private static readonly string Version =
        typeof(IommuDevice).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";

    private const ulong MemoryFirst = 0x10_0000;
    private const int MemorySize = 63 << 20;

    private readonly IommuDevice device;
    private readonly bool hasBypass;
    private readonly ModelSlot slot;
    private readonly byte[] viot;
    private readonly IGuestMemory memory;
    private volatile bool killed;

    internal ModelTarget(IGuestMemory memory, IGuestRam? ram, IommuOptions options, VirtioFeatures features, ModelConfiguration configuration, ModelVariation variation)
    {
        Identity = new TargetIdentity("model", Version, configuration.ToString());
        this.memory = memory;
        Ram = ram ?? new ModelRam(memory);
        options = variation.Options(options);
        device = new IommuDevice(options, memory);
        hasBypass = options.Features.HasFlag(IommuFeatures.BypassConfig);
        var parts = variation.Assemble(device, memory);
        slot = SlotFor(parts.Device, features, configuration, variation);
        viot = ModelFirmware.Describe(slot.Place, options).Encode();
        BusMasters = [.. options.Endpoints.Select(endpoint => new ModelBusMaster(endpoint.Id, parts.Dma, this))];
    }

    /// <summary>Guest memory, zeroed.</summary>
    internal static FlatGuestMemory NewMemory() => new(MemoryFirst, MemorySize);

    /// <inheritdoc/>
    public TargetIdentity Identity { get; }

    /// <inheritdoc/>
    public DeviceLocation Iommu => slot.Location;

    /// <inheritdoc/>
    public IGuestRam Ram { get; }

    /// <inheritdoc/>
    public AddressWindow BarWindow { get; } = new(0xe000_0000, 0xe7ff_ffff);

    /// <inheritdoc/>
    public AddressWindow IoWindow { get; } = new(0xc000, 0xcfff);

    /// <inheritdoc/>
    public IReadOnlyList<IBusMaster> BusMasters { get; }

    /// <inheritdoc/>
    public bool CanSystemReset => true;

    /// <inheritdoc/>
    public string LastWords { get; private set; } = "the model said nothing";

    /// <inheritdoc/>
    public byte[]? ReadViot() => [.. viot];

    /// <inheritdoc/>
    public uint ConfigRead(PciAddress function, int offset, int width) =>
        Guard(() => slot.TryConfigRead(function, offset, width, out var value) ? value : uint.MaxValue >> (32 - 8 * width));

    /// <inheritdoc/>
    public void ConfigWrite(PciAddress function, int offset, int width, uint value) => Guard(() => slot.ConfigWrite(function, offset, width, value));

    /// <inheritdoc/>
    public ulong MmioRead(ulong address, int width) => Guard(() => slot.TryMmioRead(address, width, out var value) ? value : ulong.MaxValue >> (64 - 8 * width));

    /// <inheritdoc/>
    public void MmioWrite(ulong address, int width, ulong value) => Guard(() => slot.MmioWrite(address, width, value));

    /// <inheritdoc/>
    public uint IoRead(ushort port, int width) => Guard(() => slot.TryIoRead(port, width, out var value) ? value : uint.MaxValue >> (32 - 8 * width));

    /// <inheritdoc/>
    public void IoWrite(ushort port, int width, uint value) => Guard(() => slot.IoWrite(port, width, value));

    /// <inheritdoc/>
    public bool? InterruptLine => Guard(() => slot.InterruptLine);

    /// <inheritdoc/>
    public bool TryChangeBypass(bool bypass)
    {
        if (hasBypass) Guard(() => device.ChangeBypass(bypass));
        return hasBypass;
    }

    /// <inheritdoc/>
    public void SystemReset() => Guard(slot.SystemReset);

    /// <inheritdoc/>
    public bool Await(Func<bool> condition, TimeSpan patience) => condition();

    /// <inheritdoc/>
    public void Settle()
    {
    }

    /// <inheritdoc/>
    public void Kill() => killed = true;

    /// <inheritdoc/>
    public void Dispose() => (memory as IDisposable)?.Dispose();

    internal void Guard(Action access) => Guard(() =>
    {
        access();
        return true;
    });

    internal T Guard<T>(Func<T> access)
    {
        if (killed) throw new TargetDiedException("the model was killed", LastWords);
        try
        {
            return access();
        }
        catch (Exception crash) when (crash is not TargetDiedException)
        {
            LastWords = $"{crash.GetType().Name}: {crash.Message} {crash.StackTrace?.Split('\n')[0].Trim()}";
            throw new TargetDiedException("the model threw an exception", LastWords);
        }
    }

    private ModelSlot SlotFor(IVirtioDevice device, VirtioFeatures features, ModelConfiguration configuration, ModelVariation variation)
    {
        var rings = variation.RingMemory(memory);
        switch (configuration.Transport)
        {
            case ModelTransport.Pci:
                return new ModelPciSlot(Function(transitional: false), new DeviceLocation.PciFunction());
            case ModelTransport.TransitionalPci:
                return new ModelPciSlot(Function(transitional: true), new DeviceLocation.TransitionalPciFunction());
            case ModelTransport.Mmio or ModelTransport.LegacyMmio:
                return new ModelMmioSlot(new VirtioMmioDevice(device, rings, new VirtioMmioOptions { Features = features, Legacy = configuration.IsLegacy }));
            default:
                throw new ArgumentOutOfRangeException(nameof(configuration), configuration, null);
        }

        VirtioPciFunction Function(bool transitional) =>
            new(device, rings, variation.PciOptions(new VirtioPciOptions { Features = features, Transitional = transitional }));
    }

    private sealed class ModelRam(IGuestMemory memory) : IGuestRam
    {
        public AddressWindow Window { get; } = new(MemoryFirst, MemoryFirst + MemorySize - 1);

        public void Read(ulong address, Span<byte> into)
        {
            if (!memory.TryRead(new GuestAddress(address), into)) throw Outside(address, into.Length);
        }

        public void Write(ulong address, ReadOnlySpan<byte> bytes)
        {
            if (!memory.TryWrite(new GuestAddress(address), bytes)) throw Outside(address, bytes.Length);
        }

        private static ArgumentOutOfRangeException Outside(ulong address, int length) =>
            new(nameof(address), $"{length} bytes at 0x{address:x} are not guest memory");
    }
}
