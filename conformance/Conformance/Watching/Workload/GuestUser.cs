using Viommu.Guest;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Workload;

/// <summary>
/// The operating system around the suite's own driver: asks things of it, believes what it says, and tells the watcher of both.
/// </summary>
internal sealed class GuestUser
{
    private const ulong LeastUnit = 4096;

    private readonly Action<Observation> see;
    private readonly DriverHistory history;
    private readonly List<ReservedRange> regions = [];
    private IommuDriver? driver;
    private ulong nextVirtual;

    public GuestUser(ITarget target, ulong alsoAccept, Action<Observation> see, DriverHistory history)
    {
        this.see = see;
        this.history = history;
        Machine = Machine.Discover(target, alsoAccept);
    }

    /// <summary>What a driver of this suite accepts when it is to use all that it knows; IN_ORDER and NOTIFICATION_DATA where they are the point.</summary>
    public static ulong Everything => Features.AcceptedByDefault | Features.RingPacked | Features.NotifConfigData | Features.RingReset | Features.Suspend;

    public Machine Machine { get; }

    /// <summary>The driver, which runs.</summary>
    public IommuDriver Driver => driver ?? throw new GuestSetupException("no driver runs");

    /// <summary>The endpoints that there are to be managed.</summary>
    public IReadOnlyList<uint> Endpoints => [.. Machine.Target.BusMasters.Select(master => master.EndpointId)];

    /// <summary>What is mapped at a time: a multiple of the granule of more than one byte.</summary>
    public ulong Unit => Math.Max(Driver.Config.Granule, LeastUnit);

    private (ulong First, ulong Last) Translatable => Driver.Has(Features.InputRange) ? (Driver.Config.InputStart, Driver.Config.InputEnd) : (0, ulong.MaxValue);

    /// <summary>What the driver starts with where nothing else is said: it uses all that there is, and needs what a driver of this specification needs.</summary>
    public DriverSettings Settings => new()
    {
        Accept = Everything,
        Require = Features.MapUnmap | (Machine.Transport.IsLegacy ? 0 : Features.Version1),
        EventBuffers = 8,
    };

    /// <summary>Has the driver bring the device up; false where it gives up.</summary>
    public bool TryStart(DriverSettings? settings = null)
    {
        driver = null;
        Machine.Heap.Clear();
        regions.Clear();
        nextVirtual = 0;
        try
        {
            driver = IommuDriver.Start(Machine, settings ?? Settings);
        }
        catch (GuestSetupException refusal)
        {
            Tell(new StartConcluded(Works: false, refusal.Message));
            return false;
        }
        Tell(new StartConcluded(Works: true, ""));
        Tell(new ConfigConcluded(driver.Config, driver.IsBypassed));
        return true;
    }

    /// <summary>A driver that gives the device up, for a reason of its own.</summary>
    public void GiveUp(string why)
    {
        Machine.Transport.WriteStatus(Machine.Transport.ReadStatus() | DeviceStatus.Failed);
        Tell(new StartConcluded(Works: false, why));
    }

    /// <summary>Has the driver bring the device up, which has to work.</summary>
    public void Start(DriverSettings? settings = null)
    {
        if (!TryStart(settings)) throw new GuestSetupException("the driver does not get the device to run");
    }

    /// <summary>Sends a request; the driver says whether it succeeded.</summary>
    public bool Ask(Request request, Framing? framing = null)
    {
        var exchange = Driver.Send(request, framing);
        if (exchange.IsReturned && history.Iommu.LastAnswer is { } answer) Tell(new RequestConcluded(answer.Request, answer.Outcome, exchange.IsOk));
        return exchange.IsOk;
    }

    /// <summary>Asks what an endpoint can do; where PROBE is not negotiated there is nothing to ask.</summary>
    public void Probe(uint endpoint)
    {
        if (!Driver.Has(Features.Probe)) return;
        var exchange = Driver.Probe(endpoint);
        if (!exchange.IsOk) return;
        var properties = exchange.Reply.AsSpan(0, exchange.TailOffset);
        ReservedRange[] found = [.. ReservedRegions.Of(properties).Select(region => new ReservedRange(region.Start, region.End, region.IsMessage))];
        regions.AddRange(found);
        Tell(new RegionsConcluded(endpoint, properties.ToArray(), found));
    }

    /// <summary>Probes all endpoints and attaches them to a domain.</summary>
    public void AttachAll(uint domain)
    {
        foreach (var endpoint in Endpoints) Probe(endpoint);
        foreach (var endpoint in Endpoints) Ask(new AttachRequest(domain, endpoint));
    }

    /// <summary>Maps fresh memory for reading and writing at a fresh address, and returns where; what is mapped is <see cref="Unit"/> times <paramref name="units"/>.</summary>
    public (ulong Virtual, ulong Physical) Map(uint domain, ulong units = 1, uint flags = MapFlags.Read | MapFlags.Write)
    {
        var (at, physical) = (Virtual(units), Physical(units));
        Tell(new MappingAsked(domain, physical, (flags & MapFlags.Read) != 0));
        Ask(new MapRequest(domain, at, at + units * Unit - 1, physical, flags));
        return (at, physical);
    }

    /// <summary>Removes what <see cref="Map"/> made.</summary>
    public bool Unmap(uint domain, ulong at, ulong units = 1) => Ask(new UnmapRequest(domain, at, at + units * Unit - 1));

    /// <summary>The <paramref name="n"/>th domain that the device can have.</summary>
    public uint Domain(uint n) => (Driver.Has(Features.DomainRange) ? Driver.Config.DomainStart : 1) + n;

    /// <summary>The first of so many units of virtual addresses that nothing uses yet.</summary>
    public ulong Virtual(ulong units)
    {
        var span = checked(units * Unit);
        var (first, last) = Translatable;
        var at = AlignUp(Math.Max(nextVirtual, Math.Max(first, Math.Min(0x1000_0000, last / 2))));
        foreach (var region in regions.OrderBy(region => region.Start))
        {
            if (region.Start <= at + (span - 1) && region.End >= at) at = AlignUp(region.End + 1);
        }
        if (at < first || at > last || last - at < span - 1) throw new GuestSetupException($"there are no {span} free bytes of virtual addresses");
        nextVirtual = at + span;
        return at;
    }

    /// <summary>Memory of so many units.</summary>
    public ulong Physical(ulong units) => Machine.Heap.AllocateZeroed(units * Unit, Unit);

    /// <summary>Has the driver take in the fault reports that there are, and post the buffers again.</summary>
    public void TakeFaults()
    {
        foreach (var taken in Driver.TakeEvents())
        {
            if (taken.Report is { } report && FaultNotice.Of(report) is var notice)
                Tell(new FaultConcluded(report, notice is null ? null : new ToldFault(notice.Reason, notice.Endpoint, notice.IsRead, notice.IsWrite, notice.Address)));
            Driver.PostEventBuffer(taken.Lent.Length);
        }
    }

    /// <summary>Has the driver take a queue out of use without a reset, which only virtio-mmio has a way for.</summary>
    public void StopQueue(MmioTransport mmio, int queue)
    {
        if (!mmio.StopQueue(queue)) throw new GuestSetupException($"queue {queue} does not stop");
        Tell(new QueueStopped(queue));
    }

    /// <summary>Has the driver handle an interrupt (4.1.5.5): it asks what there is, and does what each reason asks for.</summary>
    public void HandleInterrupt()
    {
        var reasons = Machine.Transport.TakeNotifications();
        if ((reasons & Notifications.Used) != 0) TakeFaults();
        if ((reasons & Notifications.Config) == 0) return;
        var config = Machine.ReadConfig();
        Tell(new ConfigConcluded(config, (config.Bypass & 1) != 0));
    }

    /// <summary>Takes the device out of use.</summary>
    public void Stop()
    {
        Machine.ResetDevice();
        driver = null;
    }

    private void Tell(Conclusion conclusion) => see(conclusion);

    private ulong AlignUp(ulong address) => (address + Unit - 1) & ~(Unit - 1);
}
