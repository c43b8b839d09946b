using System.Buffers.Binary;
using Viommu.Guest.Pci;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Guest.Driver;

/// <summary>A target whose virtio-iommu has been found and whose registers are reachable: what drivers, good or bad, start from.</summary>
public sealed class Machine
{
    private ulong? offered;

    private Machine(ITarget target, IVirtioTransport transport, ulong alsoAccept)
    {
        Target = target;
        Transport = transport;
        AlsoAccept = alsoAccept | (transport.IsLegacy ? Features.AnyLayout : 0);
        Heap = new GuestHeap(target.Ram);
    }

    /// <summary>The target.</summary>
    public ITarget Target { get; }

    /// <summary>The registers of the virtio-iommu.</summary>
    public IVirtioTransport Transport { get; private set; }

    /// <summary>The same registers as those of modern PCI; null where the device is driven through another transport.</summary>
    public PciTransport? Pci => Transport as PciTransport;

    /// <summary>
    /// Features that drivers of this machine accept where they are offered, whatever else they accept: what the user chose for the run,
    /// and on a legacy interface ANY_LAYOUT, which has to be accepted there (6.3).
    /// </summary>
    public ulong AlsoAccept { get; }

    /// <summary>Guest memory.</summary>
    public GuestHeap Heap { get; }

    /// <summary>What has passed.</summary>
    public Journal Journal { get; } = new();

    /// <summary>Every domain number that an ATTACH has named since the list was cleared.</summary>
    public HashSet<uint> DomainsNamed { get; } = [];

    /// <summary>How long a device may take for what it has to do "eventually": far longer than any sane one needs.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Finds the virtio-iommu of a target and makes its registers reachable.</summary>
    /// <param name="target">The target.</param>
    /// <param name="alsoAccept">Features that drivers accept where they are offered, whatever else they accept.</param>
    public static Machine Discover(ITarget target, ulong alsoAccept = 0) => new(target, OpenTransport(target), alsoAccept);

    /// <summary>The features that a driver accepts of a device that offers <paramref name="offered"/>, if it is to accept <paramref name="accept"/>.</summary>
    public ulong Acceptable(ulong offered, ulong accept) => offered & (accept | AlsoAccept);

    /// <summary>Reads what the device offers.</summary>
    public ulong ReadOfferedFeatures()
    {
        var read = Transport.ReadDeviceFeatures();
        offered = read;
        return read;
    }

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

    /// <summary>
    /// Reads the whole device configuration, again while its generation changes under the driver (2.5.1), or on a legacy interface,
    /// which has none, until it reads the same twice (2.5.4); gives up after 100 times.
    /// </summary>
    public IommuConfig ReadConfig()
    {
        IommuConfig? last = null;
        for (var attempt = 0; attempt < 100; attempt++)
        {
            var before = Transport.ReadConfigGeneration();
            var config = ReadConfigOnce();
            if (before is null ? config == last : Transport.ReadConfigGeneration() == before) return config;
            last = config;
        }
        throw new GuestSetupException("the configuration changes on every read");
    }

    /// <summary>Reads the <c>bypass</c> byte.</summary>
    public byte ReadBypass() => (byte)Transport.ReadConfig(IommuConfig.BypassOffset, 1);

    /// <summary>Writes the <c>bypass</c> byte.</summary>
    public void WriteBypass(byte value)
    {
        Journal.Add($"write bypass = {value}");
        Transport.WriteConfig(IommuConfig.BypassOffset, 1, value);
    }

    private IommuConfig ReadConfigOnce()
    {
        // 32 bits for fields of 32 and 64, 8 bits for the one of 8 (4.1.3.1, 4.2.2.2); fields of features that are not offered are
        // left alone (2.5.1).
        var known = offered ?? ReadOfferedFeatures();
        Span<byte> bytes = stackalloc byte[IommuConfig.Size];
        ReadWords(0, 8, isThere: true, bytes);
        ReadWords(8, 24, (known & Features.InputRange) != 0, bytes);
        ReadWords(24, IommuConfig.ProbeSizeOffset, (known & Features.DomainRange) != 0, bytes);
        ReadWords(IommuConfig.ProbeSizeOffset, IommuConfig.BypassOffset, (known & Features.Probe) != 0, bytes);
        if ((known & Features.BypassConfig) != 0) bytes[IommuConfig.BypassOffset] = ReadBypass();
        return IommuConfig.Decode(bytes);
    }

    private void ReadWords(int from, int to, bool isThere, Span<byte> bytes)
    {
        for (var offset = from; isThere && offset < to; offset += 4)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[offset..], (uint)Transport.ReadConfig(offset, 4));
    }

    private static IVirtioTransport OpenTransport(ITarget target) => target.Iommu switch
    {
        DeviceLocation.PciFunction => PciTransport.Open(target, PciBus.FindIommu(target)),
        DeviceLocation.TransitionalPciFunction => TransitionalPciTransport.Open(target, PciBus.FindTransitionalIommu(target)),
        DeviceLocation.MmioSlot slot => MmioRegisters.Open(target, slot.Address),
        var other => throw new GuestSetupException($"the driver has no transport for {other}"),
    };
}
