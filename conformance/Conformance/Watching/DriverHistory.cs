using Viommu.Guest.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching;

/// <summary>What is known of a driver and its device from what has been seen so far. Rules see it as it was before the observation at hand.</summary>
public sealed class DriverHistory
{
    private readonly Dictionary<int, QueueHistory> queues = [];
    private readonly HashSet<uint> offeredWords = [];
    private ulong offeredAsRead;
    private ulong? offeredForSure;

    /// <summary>The device that is driven, for evidence.</summary>
    public string Name { get; private set; } = "";

    /// <summary>How it is reached.</summary>
    public WatchedTransport Transport { get; private set; }

    /// <summary>What the source shows.</summary>
    public Sight Sees { get; private set; }

    /// <summary>Guest memory; null where the source does not tell.</summary>
    public AddressWindow? Ram { get; private set; }

    /// <summary>PCI configuration space as the driver found it; null on another transport, or where the source does not tell.</summary>
    public byte[]? PciConfiguration { get; private set; }

    /// <summary>Addresses of device registers; empty where the source does not tell.</summary>
    public IReadOnlyList<AddressWindow> Registers { get; private set; } = [];

    /// <summary>Length of the device configuration structure as the transport gives it; null where that is not known.</summary>
    public uint? ConfigLength { get; private set; }

    /// <summary>True on a legacy interface.</summary>
    public bool IsLegacy => Transport is WatchedTransport.LegacyPci or WatchedTransport.LegacyMmio;

    /// <summary>The device status as it was written or read last.</summary>
    public DeviceStatus Status { get; private set; }

    /// <summary>The device status as the driver wrote it last; 0 where it has not, since a reset.</summary>
    public DeviceStatus Written { get; private set; }

    /// <summary>True where all is seen that matters: from the start of a machine that is watched, and from the first reset in a recording, which can begin anywhere.</summary>
    public bool IsWhole { get; private set; }

    /// <summary>Feature bits that the device offers, as far as they are known.</summary>
    public ulong Offered => offeredForSure ?? offeredAsRead;

    /// <summary>True where <see cref="Offered"/> is all that is offered: the source knows, or the driver has read every word there is.</summary>
    public bool KnowsOffered => offeredForSure is not null || offeredWords.IsSupersetOf(IsLegacy ? [0u] : [0u, 1u]);

    /// <summary>True where the driver has read this word of the offered features since the device was found.</summary>
    public bool HasReadOffered(uint word) => offeredWords.Contains(word);

    /// <summary>Feature bits that the driver has written since the last reset, accepted or not.</summary>
    public ulong Accepted { get; private set; }

    /// <summary>Feature bits in force; null where they are not known, or not negotiated yet.</summary>
    public ulong? Negotiated { get; private set; }

    /// <summary>The configuration as the driver has read it.</summary>
    public ConfigHistory Config { get; } = new();

    /// <summary>What requests have made of domains and endpoints.</summary>
    public IommuHistory Iommu { get; } = new();

    /// <summary>The queues that have been seen.</summary>
    public IEnumerable<QueueHistory> Queues => queues.Values;

    /// <summary>True from the driver's DRIVER_OK on, until the reset.</summary>
    public bool IsLive => (Written & DeviceStatus.DriverOk) != 0;

    /// <summary>Where a suspension stands (3.4).</summary>
    public Suspension Suspension { get; private set; }

    /// <summary>True where the device did not let FEATURES_OK stay set, so that nothing may follow but a reset (3.1.1).</summary>
    public bool IsRefused { get; private set; }

    /// <summary>True where every bit of <paramref name="features"/> is known to be in force.</summary>
    public bool Has(ulong features) => InForce is { } bits && (bits & features) == features;

    /// <summary>True where it is known that no bit of <paramref name="features"/> is in force.</summary>
    public bool HasNot(ulong features) => InForce is { } bits && (bits & features) == 0;

    // A legacy interface has no FEATURES_OK: what the driver wrote is in force at once (3.1.2).
    private ulong? InForce => Negotiated ?? (IsLegacy ? Accepted : null);

    /// <summary>The queue of that number.</summary>
    public QueueHistory Queue(int number)
    {
        if (!queues.TryGetValue(number, out var queue)) queues[number] = queue = new QueueHistory(number);
        return queue;
    }

    /// <summary>True for what takes a device back to where everything about it is known.</summary>
    internal static bool IsReset(Observation seen) => seen is StatusWritten { Status: DeviceStatus.None } or SystemWasReset;

    internal void Apply(Observation seen)
    {
        if (IsReset(seen)) IsWhole = true;
        switch (seen)
        {
            case SessionStarted started:
                Begin(started);
                break;
            case SystemWasReset:
                Config.Forget();
                ForgetDriver();
                break;
            case StatusWritten { Status: DeviceStatus.None }:
                ForgetDriver();
                break;
            case StatusWritten written:
                Write(written.Status);
                break;
            case StatusRead read:
                Read(read.Status);
                break;
            case OfferedFeaturesRead read:
                offeredWords.Add(read.Word);
                if (read.Word < 2) offeredAsRead = Put(offeredAsRead, read.Word, read.Bits);
                break;
            case AcceptedFeaturesWritten { Word: < 2 } accepted:
                Accepted = Put(Accepted, accepted.Word, accepted.Bits);
                break;
            case ConfigRead read:
                Config.Take(read);
                break;
            case ConfigWritten written:
                Config.Take(written);
                break;
            case QueueRead read:
                Queue(read.Queue).Take(read);
                break;
            case QueueWritten written:
                Queue(written.Queue).Take(written);
                break;
            case ChainAvailable available:
                Queue(available.Chain.Queue).Outstanding.Add(available.Chain);
                break;
            case ChainUsed { Chain: { } chain }:
                Queue(chain.Queue).Outstanding.Remove(chain);
                break;
            case ConfigShown shown:
                Config.Take(shown.Config);
                break;
            case RequestSent or RequestAnswered or DomainFreed or RegionShown:
                Iommu.Take(seen);
                break;
        }
    }

    private static ulong Put(ulong bits, uint word, uint value) => (bits & ~(0xffff_ffffUL << (int)(32 * word))) | (ulong)value << (int)(32 * word);

    private void Begin(SessionStarted started)
    {
        (Name, Transport, Sees, Ram) = (started.Name, started.Transport, started.Sees, started.Ram);
        PciConfiguration = started.PciConfiguration;
        (Registers, ConfigLength) = (started.Registers, started.ConfigLength);
        offeredWords.Clear();
        offeredAsRead = 0;
        offeredForSure = started.Offered;
        Config.Forget();
        ForgetDriver();

        IsWhole = started.IsPowerOn;
        Iommu.ForgetEverything(isKnown: IsWhole);
    }

    private void ForgetDriver()
    {
        Status = Written = DeviceStatus.None;
        Suspension = Suspension.Running;
        IsRefused = false;
        Accepted = 0;
        Negotiated = null;
        queues.Clear();
        Iommu.Reset();
    }

    private void Write(DeviceStatus status)
    {
        Suspension = (Suspension, status & (DeviceStatus.Suspend | DeviceStatus.DriverOk)) switch
        {
            (Suspension.Running, not (DeviceStatus.None or DeviceStatus.DriverOk)) when IsLive && Has(Features.Suspend) => Suspension.Asked,
            (Suspension.Suspended, not (DeviceStatus.None or DeviceStatus.Suspend)) => Suspension.Resuming,
            var (state, _) => state,
        };
        Written = Status = status;
        var done = IsLegacy ? DeviceStatus.DriverOk : DeviceStatus.FeaturesOk;
        if ((status & done) != 0 && (Sees & Sight.Registers) != 0) Negotiated ??= Accepted;
    }

    private void Read(DeviceStatus status)
    {
        Status = status;

        // 3.1.1: where FEATURES_OK does not stay set, nothing is negotiated.
        IsRefused = !IsLegacy && (Written & (DeviceStatus.FeaturesOk | DeviceStatus.DriverOk)) == DeviceStatus.FeaturesOk && (status & DeviceStatus.FeaturesOk) == 0;
        if (IsRefused) Negotiated = null;
        Suspension = (Suspension, status & (DeviceStatus.Suspend | DeviceStatus.DriverOk)) switch
        {
            (Suspension.Asked, DeviceStatus.Suspend) => Suspension.Suspended,
            (Suspension.Resuming, DeviceStatus.DriverOk) => Suspension.Running,
            var (state, _) => state,
        };
    }
}

/// <summary>Where a suspension stands (3.4), as the driver knows it.</summary>
public enum Suspension
{
    /// <summary>The device runs, or has not been started.</summary>
    Running,

    /// <summary>The driver has set SUSPEND, and not seen yet that the device has followed.</summary>
    Asked,

    /// <summary>The driver has seen the device suspended.</summary>
    Suspended,

    /// <summary>The driver has set DRIVER_OK again, and not seen yet that the device has followed.</summary>
    Resuming,
}
