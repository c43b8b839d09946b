using Viommu.Conformance.Checks;
using Viommu.Conformance.Oracle;
using Viommu.Conformance.Running;
using Viommu.Fuzz.Machines;
using Viommu.Guest;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using Framing = Viommu.Fuzz.Machines.Framing;

namespace Viommu.Fuzz.Devices;

/// <summary>
/// One device outside of this process, in a known state between programs. A device that can be cleaned by requests is not initialised again.
/// Whatever ends the process throws.
/// </summary>
internal abstract partial class ProgramBench : IDisposable
{
    /// <summary>An endpoint that no machine has: the last page of the number space is given to nothing.</summary>
    public const uint NoEndpoint = 0xffff_f001;

    private readonly DeviceFacts?[] _facts = new DeviceFacts?[(int)Features.IommuChapter + 1];
    private readonly IommuConfig _config;
    private readonly EndpointFacts[] _endpoints;
    private readonly HashSet<(uint Domain, uint Endpoint)> _attached = [];
    private bool _isBypassWritten;

    // Domains are there that nobody has named since the last driver started.
    private bool _isLittered;

    /// <summary>Looks a fresh device over, by drivers that accept <paramref name="alsoAccept"/> as well.</summary>
    protected ProgramBench(ITarget target, ulong alsoAccept = 0)
    {
        Machine = Machine.Discover(target, alsoAccept);
        Offered = Machine.ReadOfferedFeatures();
        _config = Machine.ReadConfig();
        Dma = new(Machine);
        Machine.ResetDevice();
        Dma.Prime(PrimeThroughMapping);
        var driver = IommuDriver.Start(Machine);
        _endpoints = [.. Dma.Endpoints.Select(id => new EndpointFacts(id, RegionsOf(driver, id)))];
        LeavesDomains = OutlivesReset(driver);
    }

    /// <summary>What there is to know of the device, with the features that are negotiated.</summary>
    public DeviceFacts Facts => _facts[Negotiated & Features.IommuChapter] ??= new(Offered, Negotiated, _config, _endpoints, Dma.Window);

    /// <summary>Name and version.</summary>
    public TargetIdentity Identity => Machine.Target.Identity;

    /// <summary>What the process wrote last.</summary>
    public string LastWords => Machine.Target.LastWords;

    /// <summary>Times that something was sent to the process and its answers were waited for.</summary>
    public abstract long RoundTrips { get; }

    /// <summary>The features that the device has accepted.</summary>
    public ulong Negotiated { get; protected set; }

    /// <summary>True where the device has a <c>bypass</c> field.</summary>
    public bool HasBypassField => (Offered & Features.BypassConfig) != 0;

    /// <summary>True where the reset line of the machine is in reach.</summary>
    public bool CanSystemReset => Machine.Target.CanSystemReset;

    /// <summary>True where domains outlive a device reset (DESC-IOMMU-01): then only the reset line of the machine ends them.</summary>
    public bool LeavesDomains { get; }

    /// <summary>Why no access of any endpoint is made; null where they are.</summary>
    public string? WhyNoAccesses => _endpoints.Length == 0 ? "the device names no endpoint that makes them" : Dma.WhyNot;

    /// <summary>The rings, as the last <see cref="Start"/> has left them.</summary>
    public abstract IRequestRings Rings { get; }

    /// <summary>The endpoints' accesses.</summary>
    public BenchDma Dma { get; }

    /// <summary>The machine that the device is in.</summary>
    protected Machine Machine { get; }

    /// <summary>The features that it offers.</summary>
    protected ulong Offered { get; }

    /// <summary>The endpoints that accesses can be made from.</summary>
    protected IReadOnlyList<EndpointFacts> Endpoints => _endpoints;

    /// <summary>The device wants to be reset.</summary>
    protected bool NeedsReset { get; set; }

    /// <summary>Nothing is attached, and the device runs.</summary>
    protected bool IsClean { get; set; }

    /// <summary>The device as it was found.</summary>
    protected InitialState AtPowerOn => new(Offered, _config, []);

    /// <summary>
    /// Brings the device to where programs start: nothing attached, the bypass field as at power-on, these features as far as it offers them.
    /// False where only a fresh one can be brought there, since this machine has no reset line.
    /// </summary>
    public bool TryPrepare(ulong wanted)
    {
        if ((LeavesDomains && !IsClean) || (_isBypassWritten && !TryRestoreBypass()))
        {
            if (!CanSystemReset) return false;
            SystemReset();
        }

        if (!IsClean || Accepted(wanted) != Negotiated) Start(wanted);
        IsClean = false;
        Dma.Begin();
        return true;
    }

    /// <summary>
    /// Detaches what the program can have attached, and has the device confirm that each of its domains is gone. What does not go that way,
    /// the next <see cref="TryPrepare"/> resets.
    /// </summary>
    public void CleanUp()
    {
        // What was made available and not returned would come later.
        IsClean = !NeedsReset && !_isLittered && Rings.Outstanding == 0 && TryDetach();
        _attached.Clear();
    }

    /// <summary>
    /// Resets the device and has it accept as many of <paramref name="wanted"/> as it offers; throws <see cref="DeviceViolationException"/>
    /// where it does not.
    /// </summary>
    public abstract void Start(ulong wanted);

    /// <summary>Resets the device, looks for what it has left, and takes that away by a reset of the machine, where there is one. <see cref="Start"/> has to follow.</summary>
    /// <param name="domains">Domains that certainly existed.</param>
    public Leftovers ResetDeviceAndMachine(IReadOnlyList<uint> domains)
    {
        uint[] named = [.. _attached.Select(pair => pair.Domain)];
        Start(ulong.MaxValue);
        byte bypass = HasBypassField ? ReadBypass() : (byte)0;
        uint? leftover = Find(domains);
        if (CanSystemReset) SystemReset();
        else _isLittered |= leftover is not null || named.Contains(AtPowerOn.MissingDomain) || Find(named) is not null;
        return new(leftover, bypass, !_isLittered);

        uint? Find(IReadOnlyList<uint> sought) => (Negotiated & Features.MapUnmap) != 0 ? LeftoverDomains.Find(StatusOfUnmap, sought, AtPowerOn.MissingDomain) : null;
    }

    /// <summary>The reset line of the machine; <see cref="Start"/> has to follow.</summary>
    public void SystemReset()
    {
        ResetMachine();
        Dma.Forget();
        Dma.Prime(PrimeThroughMapping);
        _isBypassWritten = false;
        _isBypassOff = false;
        _isLittered = false;
        IsClean = false;
    }

    /// <summary>The endpoint of this machine that programs mean by that number: they name those of the reference device's machine.</summary>
    public virtual uint EndpointOf(uint number) => number switch
    {
        TestBed.FirstEndpoint when _endpoints.Length > 0 => _endpoints[0].Id,
        TestBed.SecondEndpoint when _endpoints.Length > 1 => _endpoints[1].Id,
        TestBed.ThirdEndpoint when _endpoints.Length > 2 => _endpoints[2].Id,
        TestBed.NoEndpoint => NoEndpoint,
        _ => number,
    };

    /// <summary>Puts a request beside those that go out with the next <see cref="Ring"/>.</summary>
    public void Put(ReadOnlySpan<byte> readable, int writable, Framing framing)
    {
        if (readable.Length >= 12 && readable[0] == RequestType.Attach)
            _attached.Add((BitConverter.ToUInt32(readable[4..]), BitConverter.ToUInt32(readable[8..])));
        Rings.Put(readable, writable, framing == Framing.Indirect && (Negotiated & Features.IndirectDesc) == 0 ? Framing.Plain : framing);
    }

    /// <summary>
    /// Makes available what was put, and rings. False where the device wants to be reset before it has returned everything; a device that
    /// does neither throws <see cref="TargetHungException"/>.
    /// </summary>
    public abstract bool Ring();

    /// <summary>
    /// An endpoint makes an access, and where it got to is found out, with whatever the device reports of it; false where it is left out, since
    /// it could get to the driver's own memory or where nobody sees it, or could not be seen from here.
    /// </summary>
    public bool TryAccess(SpecOracle oracle, uint endpoint, ulong at, bool isWrite, Span<ulong> landed)
    {
        if (!Dma.TryAccess(oracle, endpoint, at, isWrite, landed)) return false;
        Machine.Target.Settle();
        return true;
    }

    /// <summary>Reads the field <c>bypass</c>.</summary>
    public byte ReadBypass() => Machine.ReadBypass();

    /// <summary>Writes the field <c>bypass</c>; false where the device takes that for the end, and wants to be reset.</summary>
    public bool WriteBypass(byte value)
    {
        _isBypassWritten = true;
        Machine.WriteBypass(value);
        NeedsReset = AsksForReset();
        return !NeedsReset;
    }

    /// <summary>True where the device asks for a reset.</summary>
    public bool AsksForReset() => (Machine.Transport.ReadStatus() & DeviceStatus.NeedsReset) != 0;

    /// <inheritdoc/>
    public void Dispose() => Machine.Target.Dispose();

    /// <summary>What the device is to accept of <paramref name="wanted"/>.</summary>
    protected abstract ulong Accepted(ulong wanted);

    /// <summary>The reset line itself, and what makes registers reachable again.</summary>
    protected abstract void ResetMachine();

    /// <summary>A driver starts with these features: nothing is attached, and the device does not need a reset.</summary>
    protected void Begin(ulong negotiated)
    {
        Negotiated = negotiated;
        NeedsReset = false;
        _attached.Clear();
    }

    /// <summary>The device does not accept the features.</summary>
    protected DeviceViolationException Refused() =>
        new("CORE-FEAT-D-02", "the device accepts any valid subset of the features that it offers", $"FEATURES_OK does not stay set with features 0x{Negotiated:x}");

    /// <summary>The device does not run.</summary>
    protected DeviceViolationException Unstarted(DeviceStatus status) =>
        new(OracleClause.DescIommu01.Id(), "a driver that keeps to the rules can start the device", $"the device status reads {status} after DRIVER_OK with features 0x{Negotiated:x}");

    /// <summary>The device status does not become 0.</summary>
    protected DeviceViolationException Unreset(DeviceStatus status) =>
        new("CORE-RESET-D-01", "the device status becomes 0 after a device reset", $"it reads {status} after {Machine.Patience.TotalSeconds:0} s");

    /// <summary>Sends requests, as many at a time as there is room for; true where all of them are answered by the status that stands beside them, if any.</summary>
    protected bool TryExchange(IReadOnlyList<(Request Request, RequestStatus? Wanted)> requests)
    {
        bool are = true;
        for (int taken = 0, sent = 0; sent < requests.Count;)
        {
            for (; sent < requests.Count && Rings.HasRoom; sent++) Put(requests[sent].Request.Encode(), Request.TailSize, Framing.Plain);
            if (!Ring()) return false;
            for (; taken < sent; taken++)
            {
                uint used = Rings.Take(out bool isInOrder, out bool _);
                are &= requests[taken].Wanted is not { } wanted || (isInOrder && used == Request.TailSize && Rings.Reply[0] == (byte)wanted);
            }
        }

        return are;
    }

    /// <summary>Opens a target and has <paramref name="newBench"/> look it over; throws <see cref="TargetUnavailableException"/> where either fails.</summary>
    protected static TBench Open<TTarget, TBench>(ITargetSource source, Func<TTarget, TBench> newBench)
        where TTarget : ITarget
        where TBench : ProgramBench
    {
        var target = (TTarget)(source.Open(TargetShape.Default, out string? whyNot) ?? throw new TargetUnavailableException(whyNot ?? $"there is no {source.Name}"));
        try
        {
            return newBench(target);
        }
        catch (Exception failure) when (failure is GuestSetupException or DeviceViolationException or QueueTooSmallException or TargetDiedException or TargetHungException)
        {
            string words = failure is TargetDiedException or TargetHungException ? $" ({target.LastWords})" : "";
            target.Dispose();
            throw new TargetUnavailableException($"{target.Identity} cannot be brought up: {failure.Message}{words}", failure);
        }
        catch
        {
            target.Dispose();
            throw;
        }
    }

    private static List<ReservedRegion> RegionsOf(IommuDriver driver, uint endpoint)
    {
        if (!driver.Has(Features.Probe)) return [];
        var probe = driver.Probe(endpoint);
        return probe.IsOk
            ? [.. ProbeProperty.Parse(probe.Reply.AsSpan(0, probe.TailOffset)).Select(property => property.AsReservedRegion()).OfType<ReservedRegion>()]
            : [];
    }

    private bool OutlivesReset(IommuDriver driver)
    {
        uint domain = (Offered & Features.DomainRange) != 0 ? _config.DomainStart : 0;
        if (_endpoints.Length == 0 || domain == AtPowerOn.MissingDomain || !driver.Has(Features.MapUnmap) || !driver.Attach(domain, _endpoints[0].Id).IsOk) return false;
        var next = IommuDriver.Start(Machine);
        if (LeftoverDomains.Find(next, [domain], AtPowerOn) is null) return false;
        if (!CanSystemReset) return IsRemoved(next, domain) ? true : throw new GuestSetupException($"domain {domain} outlives a device reset, and is not removed by requests");
        Machine.ResetSystem();
        Dma.Forget();
        Dma.Prime(PrimeThroughMapping);
        return true;
    }

    private bool IsRemoved(IommuDriver driver, uint domain)
    {
        driver.Detach(domain, _endpoints[0].Id);
        return LeftoverDomains.Find(driver, [domain], AtPowerOn) is null;
    }

    // Where endpoints get nowhere without a domain.
    private bool PrimeThroughMapping(DmaEndpoint endpoint)
    {
        var driver = IommuDriver.Start(Machine);
        uint domain = (Offered & Features.DomainRange) != 0 ? Math.Max(1, _config.DomainStart) : 1;
        ulong page = Math.Max(_config.Granule, TestBed.Page);
        // Far enough from 0 that a device that gives address 0 a meaning of its own does not disturb.
        ulong at = (Math.Max(AtPowerOn.Translatable.First, 0x1000_0000) + page - 1) & ~(page - 1);
        bool isPrimed = driver.Attach(domain, endpoint.Id).IsOk
            && driver.Map(domain, at, at + page - 1, Dma.Window.First).IsOk
            && endpoint.TryPrime(at, Dma.Window.First);
        driver.Detach(domain, endpoint.Id);
        return isPrimed;
    }

    private RequestStatus? StatusOfUnmap(uint domain)
    {
        Put(UnmapOfAll(domain).Encode(), Request.TailSize, Framing.Plain);
        return Ring() && Rings.Take(out bool _, out bool _) == Request.TailSize ? (RequestStatus)Rings.Reply[0] : null;
    }

    private bool TryDetach()
    {
        var detaches = _attached.Select(pair => ((Request)new DetachRequest(pair.Domain, pair.Endpoint), (RequestStatus?)null));
        var unmaps = _attached.Select(pair => pair.Domain).Distinct().Select(domain => ((Request)UnmapOfAll(domain), (RequestStatus?)RequestStatus.NoEnt));
        return TryExchange([.. detaches, .. unmaps]);
    }

    private UnmapRequest UnmapOfAll(uint domain) => new(domain, AtPowerOn.Translatable.First, AtPowerOn.Translatable.Last);

    // A device reset leaves the field alone, and only who has the feature may write it.
    private bool TryRestoreBypass()
    {
        if (!IsClean || (Negotiated & Features.BypassConfig) == 0) Start(ulong.MaxValue);
        if ((Negotiated & Features.BypassConfig) == 0) return false;
        Machine.WriteBypass(_config.Bypass);
        IsClean = Machine.ReadBypass() == _config.Bypass;
        _isBypassWritten = !IsClean;
        return IsClean;
    }
}

/// <summary>What a device reset has left.</summary>
/// <param name="Domain">A domain that certainly existed, and does still; null where none does.</param>
/// <param name="Bypass">The <c>bypass</c> field.</param>
/// <param name="IsNothingLeft">True where by now no domain is left.</param>
internal readonly record struct Leftovers(uint? Domain, byte Bypass, bool IsNothingLeft);
