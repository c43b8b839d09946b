using Viommu.Guest.Pci;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Guest.Driver;

/// <summary>A target whose virtio-iommu has been found and whose registers are reachable: what drivers, good or bad, start from.</summary>
public sealed class Machine
{
    private Machine(ITarget target, IVirtioTransport transport)
    {
        Target = target;
        Transport = transport;
        Heap = new GuestHeap(target.Ram);
    }

    /// <summary>The target.</summary>
    public ITarget Target { get; }

    /// <summary>The registers of the virtio-iommu.</summary>
    public IVirtioTransport Transport { get; private set; }

    /// <summary>The same registers as a PCI function; null where the device sits on another transport.</summary>
    public PciTransport? Pci => Transport as PciTransport;

    /// <summary>Guest memory.</summary>
    public GuestHeap Heap { get; }

    /// <summary>What has passed.</summary>
    public Journal Journal { get; } = new();

    /// <summary>Every domain number that an ATTACH has named since the list was cleared.</summary>
    public HashSet<uint> DomainsNamed { get; } = [];

    /// <summary>How long a device may take for what it has to do "eventually": far longer than any sane one needs.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Finds the virtio-iommu of a target and places its BARs.</summary>
    public static Machine Discover(ITarget target) => new(target, OpenTransport(target));

    /// <summary>Writes 0 to the status and waits until it reads 0 (2.4); false where it does not in time.</summary>
    public bool ResetDevice()
    {
        Journal.Add("device reset");
        Transport.WriteStatus(DeviceStatus.None);
        return Await(() => Transport.ReadStatus() == DeviceStatus.None);
    }

    /// <summary>Resets the whole machine and places the BARs again.</summary>
    public void ResetSystem()
    {
        Journal.Add("system reset");
        Target.SystemReset();
        Transport = OpenTransport(Target);
    }

    /// <summary>Lets the device run until <paramref name="condition"/> holds; false where it does not in time.</summary>
    public bool Await(Func<bool> condition) => Target.Await(condition, Patience);

    /// <summary>Reads the whole device configuration, again while its generation changes under the driver (2.5.1); gives up after 100 times.</summary>
    public IommuConfig ReadConfig()
    {
        Span<byte> bytes = stackalloc byte[IommuConfig.Size];
        for (var attempt = 0; attempt < 100; attempt++)
        {
            var before = Transport.ReadConfigGeneration();
            for (var offset = 0; offset < bytes.Length; offset += 4)
                BitConverter.TryWriteBytes(bytes[offset..], (uint)Transport.ReadConfig(offset, 4));
            if (Transport.ReadConfigGeneration() == before) return IommuConfig.Decode(bytes);
        }
        throw new GuestSetupException("the configuration generation changes on every read");
    }

    /// <summary>Reads the <c>bypass</c> byte.</summary>
    public byte ReadBypass() => (byte)Transport.ReadConfig(IommuConfig.BypassOffset, 1);

    /// <summary>Writes the <c>bypass</c> byte.</summary>
    public void WriteBypass(byte value)
    {
        Journal.Add($"write bypass = {value}");
        Transport.WriteConfig(IommuConfig.BypassOffset, 1, value);
    }

    private static IVirtioTransport OpenTransport(ITarget target) => PciTransport.Open(target, PciBus.FindIommu(target));
}
