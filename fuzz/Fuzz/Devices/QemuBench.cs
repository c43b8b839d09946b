using Viommu.Conformance.Checks;
using Viommu.Conformance.Oracle;
using Viommu.Conformance.Running;
using Viommu.Fuzz.Machines;
using Viommu.Guest;
using Viommu.Guest.Driver;
using Viommu.Guest.Pci;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Qemu;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Devices;

/// <summary>
/// One QEMU, with its virtio-iommu in a known state between programs. Registers cost a round trip over a socket each, so they are written
/// many at a time, and a device that can be cleaned by requests is not initialised again. Whatever ends the process throws.
/// </summary>
internal sealed class QemuBench : IDisposable
{
    /// <summary>An endpoint that is there and makes no accesses: the SATA controller of the machine.</summary>
    public const uint SilentEndpoint = 0xfa;

    /// <summary>An endpoint that no machine has: the last page of the number space is given to nothing.</summary>
    public const uint NoEndpoint = 0xffff_f001;

    // This driver's rings are split, its doorbell is a queue number, and it puts chains where it likes.
    private const ulong NotSpoken = Features.RingPacked | Features.NotificationData | Features.NotifConfigData | Features.InOrder | Features.Suspend;

    // Who does not accept these where they are offered may be left without a device that works (6.2).
    private const ulong Needed = Features.AccessPlatform | Features.OrderPlatform;

    private const DeviceStatus Found = DeviceStatus.Acknowledge | DeviceStatus.Driver;
    private const DeviceStatus Running = Found | DeviceStatus.FeaturesOk | DeviceStatus.DriverOk;

    private const int CommandOffset = 0x04;
    private const int FirstBarOffset = 0x10;
    private const int BarCount = 6;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly QemuTarget _target;
    private readonly Machine _machine;
    private readonly QemuRings _rings;
    private readonly DeviceFacts?[] _facts = new DeviceFacts?[(int)Features.IommuChapter + 1];
    private readonly IommuConfig _config;
    private readonly EndpointFacts[] _endpoints;
    private readonly ulong _offered;
    private readonly HashSet<(uint Domain, uint Endpoint)> _attached = [];
    private readonly uint[] _bars;
    private readonly ulong[] _doorbells = new ulong[2];
    private readonly ulong _common;
    private ulong _negotiated;
    private bool _isClean;
    private bool _needsReset;
    private bool _isBypassWritten;
    private bool _isBypassOff;

    private QemuBench(QemuTarget target)
    {
        _target = target;
        _machine = Machine.Discover(target);
        Dma = new(_machine);
        _machine.ResetDevice();
        Dma.Prime();
        var driver = IommuDriver.Start(_machine);
        _offered = _machine.ReadOfferedFeatures();
        _config = driver.Config;
        _endpoints = [.. Dma.Endpoints.Select(id => new EndpointFacts(id, RegionsOf(driver, id)))];
        LeavesDomains = OutlivesReset(driver);
        _rings = new(target.Ram, _machine.Heap);
        var pci = _machine.Pci!;
        _bars = [.. Enumerable.Range(0, BarCount).Select(bar => pci.Function.Read(FirstBarOffset + (4 * bar), 4))];
        _common = pci.Structures.Common;
        for (int queue = 0; queue < _doorbells.Length; queue++)
        {
            Post(CommonField.QueueSelect, (ulong)queue);
            _doorbells[queue] = pci.Structures.Notify + (_target.MmioRead(_common + CommonField.QueueNotifyOff.Offset, CommonField.QueueNotifyOff.Width) * pci.Structures.NotifyMultiplier);
        }

        PlaceBars();
    }

    /// <summary>What there is to know of the device, with the features that are negotiated.</summary>
    public DeviceFacts Facts => _facts[_negotiated & Features.IommuChapter] ??= new(_offered, _negotiated, _config, _endpoints, Dma.Window);

    /// <summary>Name and version.</summary>
    public TargetIdentity Identity => _target.Identity;

    /// <summary>The endpoints' accesses.</summary>
    public QemuDma Dma { get; }

    /// <summary>What the process wrote last.</summary>
    public string LastWords => _target.LastWords;

    /// <summary>Times that something was sent to the process and its answers were waited for.</summary>
    public long RoundTrips => _target.RoundTrips;

    /// <summary>True where the device has indirect descriptors in force.</summary>
    public bool HasIndirect => (_negotiated & Features.IndirectDesc) != 0;

    /// <summary>True where the features <see cref="StartRings"/> has negotiated leave endpoints without a domain to a <c>bypass</c> field that is set.</summary>
    public bool IsBypassed => (_negotiated & Features.BypassConfig) != 0 && !_isBypassOff;

    /// <summary>The features that the device has accepted.</summary>
    public ulong Negotiated => _negotiated;

    /// <summary>Guest memory.</summary>
    public IGuestRam Ram => _target.Ram;

    /// <summary>True where the device has a <c>bypass</c> field.</summary>
    public bool HasBypassField => (_offered & Features.BypassConfig) != 0;

    /// <summary>True where domains outlive a device reset (DESC-IOMMU-01): then only the reset line of the machine ends them.</summary>
    public bool LeavesDomains { get; }

    /// <summary>Requests that were sent and did not come back.</summary>
    public int Outstanding => _rings.Outstanding;

    /// <summary>True where the next answer is there.</summary>
    public bool HasNext => _rings.HasNext;

    /// <summary>The last answer: the whole writable part.</summary>
    public ReadOnlySpan<byte> Reply => _rings.Reply;

    /// <summary>Starts a QEMU; throws <see cref="TargetUnavailableException"/> where that fails, or its device does not get as far as where programs start.</summary>
    public static QemuBench Open(QemuTargetSource source)
    {
        var target = source.Open(TargetShape.Default, out string? whyNot) as QemuTarget ?? throw new TargetUnavailableException(whyNot ?? "there is no QEMU");
        try
        {
            return new(target);
        }
        catch (Exception failure) when (failure is GuestSetupException or DeviceViolationException or TargetDiedException or TargetHungException)
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

    /// <summary>Brings the device to where programs start: nothing attached, the bypass field as at power-on, these features as far as it offers them.</summary>
    public void Prepare(ulong wanted)
    {
        if ((LeavesDomains && !_isClean) || (_isBypassWritten && !TryRestoreBypass())) SystemReset();
        if (!_isClean || Accepted(wanted) != _negotiated) Start(wanted);
        _isClean = false;
        Dma.Begin();
    }

    /// <summary>
    /// Detaches what the program can have attached, and has the device confirm that each of its domains is gone. What does not go that way,
    /// the next <see cref="Prepare"/> resets.
    /// </summary>
    public void CleanUp()
    {
        // What was made available and not returned would come later.
        bool canSend = !_needsReset && _rings.Outstanding == 0 && 2 * _attached.Count <= QemuRings.Places;
        _isClean = canSend && TryDetach();
        _attached.Clear();
    }

    /// <summary>
    /// Resets the device and has it accept as many of <paramref name="wanted"/> as it offers; throws <see cref="DeviceViolationException"/>
    /// where it does not.
    /// </summary>
    public void Start(ulong wanted)
    {
        _rings.Clear();
        Initialise(Accepted(wanted), QemuRings.RequestQueueSize, _rings.Requests, QemuRings.EventQueueSize, _rings.Events);
    }

    /// <summary>
    /// The same with rings that are elsewhere, with these features and those that it may insist on. Bypass is off where it can be: endpoints
    /// without a domain get nowhere.
    /// </summary>
    public void StartRings(ulong wanted, ushort size, QueueAddresses requests, QueueAddresses events)
    {
        Initialise(((wanted | Needed) & _offered) | Features.Version1, size, requests, size, events);
        _isClean = false;
        if (_isBypassOff || (_negotiated & Features.BypassConfig) == 0) return;
        WriteBypass(0);
        _isBypassOff = ReadBypass() == 0;
    }

    private void Initialise(ulong accepted, ushort requestSize, QueueAddresses requests, ushort eventSize, QueueAddresses events)
    {
        _negotiated = accepted;
        _needsReset = false;
        _attached.Clear();
        Post(CommonField.DeviceStatus, 0);
        // 4.1.4.3.2: nothing else until 0 is read back.
        if (ReadStatus() != DeviceStatus.None && !_machine.ResetDevice())
            throw new DeviceViolationException("CORE-RESET-D-01", "the device status becomes 0 after a device reset", $"it reads {ReadStatus()} after {_machine.Patience.TotalSeconds:0} s");
        Post(CommonField.DeviceStatus, (ulong)DeviceStatus.Acknowledge);
        Post(CommonField.DeviceStatus, (ulong)Found);
        for (int half = 0; half < 2; half++)
        {
            Post(CommonField.DriverFeatureSelect, (ulong)half);
            Post(CommonField.DriverFeature, (uint)(_negotiated >> (32 * half)));
        }

        Post(CommonField.DeviceStatus, (ulong)(Found | DeviceStatus.FeaturesOk));
        SetUpQueue(IommuDriver.RequestQueueNumber, requestSize, requests);
        SetUpQueue(IommuDriver.EventQueueNumber, eventSize, events);
        Post(CommonField.DeviceStatus, (ulong)Running);
        if (ReadStatus() is not Running and var status) throw Refusal(status);
    }

    /// <summary>
    /// Resets the device, and then the machine: one of <paramref name="domains"/> that the first has left, or null, and the <c>bypass</c> field
    /// behind it. <see cref="Start"/> has to follow.
    /// </summary>
    public (uint? Leftover, byte Bypass) ResetDeviceAndMachine(IReadOnlyList<uint> domains)
    {
        Start(ulong.MaxValue);
        byte bypass = HasBypassField ? ReadBypass() : (byte)0;
        uint? leftover = (_negotiated & Features.MapUnmap) != 0 ? LeftoverDomains.Find(StatusOfUnmap, domains, AtPowerOn.MissingDomain) : null;
        SystemReset();
        return (leftover, bypass);
    }

    /// <summary>The reset line of the machine; <see cref="Start"/> has to follow.</summary>
    public void SystemReset()
    {
        _target.SystemReset();
        PlaceBars();
        Dma.Forget();
        Dma.Prime();
        _isBypassWritten = false;
        _isBypassOff = false;
        _isClean = false;
    }

    /// <summary>Puts a request beside those that go out with the next <see cref="Ring"/>.</summary>
    public void Put(ReadOnlySpan<byte> readable, int writable, Framing framing)
    {
        if (readable.Length >= 12 && readable[0] == RequestType.Attach)
            _attached.Add((BitConverter.ToUInt32(readable[4..]), BitConverter.ToUInt32(readable[8..])));
        _rings.Put(readable, writable, framing == Framing.Indirect && !HasIndirect ? Framing.Plain : framing);
    }

    /// <summary>
    /// Makes available what was put, and rings. False where the device wants to be reset before it has returned everything; a device that
    /// does neither throws <see cref="TargetHungException"/>.
    /// </summary>
    public bool Ring()
    {
        _rings.Publish();
        _target.MmioWrite(_doorbells[IommuDriver.RequestQueueNumber], 2, IommuDriver.RequestQueueNumber);
        if (_rings.IsAllReturned) return true;
        if (_target.Await(() => _rings.IsAllReturned || (_needsReset = (ReadStatus() & DeviceStatus.NeedsReset) != 0), Patience)) return !_needsReset;
        throw new TargetHungException($"the device neither returned a request nor asked for a reset within {Patience.TotalSeconds:0} s", LastWords);
    }

    /// <summary>Notifies the device of a queue whose rings are elsewhere; true where it asks for a reset.</summary>
    public bool Notify(int queue)
    {
        _target.PostMmioWrite(_doorbells[queue], 2, (ulong)queue);
        return AsksForReset();
    }

    /// <summary>True where the device asks for a reset.</summary>
    public bool AsksForReset() => (ReadStatus() & DeviceStatus.NeedsReset) != 0;

    /// <summary>Waits for something that the device does, as long as for anything; false where it does not.</summary>
    public bool Await(Func<bool> condition) => _target.Await(condition, Patience);

    /// <summary>
    /// Has no endpoint attached any more, whatever it was attached to, and true where the device confirms that there is no such domain then.
    /// <see cref="Start"/> or <see cref="StartRings"/> has to follow.
    /// </summary>
    public bool TryEmptyDomain(uint domain)
    {
        Start(ulong.MaxValue);
        uint missing = AtPowerOn.MissingDomain;
        // Who is attached anew is attached to nothing else (5.13.6.3).
        foreach (var endpoint in _endpoints) Put(new AttachRequest(missing, endpoint.Id).Encode(), Request.TailSize, Framing.Plain);
        foreach (var endpoint in _endpoints) Put(new DetachRequest(missing, endpoint.Id).Encode(), Request.TailSize, Framing.Plain);
        foreach (uint gone in (ReadOnlySpan<uint>)[missing, domain]) Put(new UnmapRequest(gone, 0, ulong.MaxValue).Encode(), Request.TailSize, Framing.Plain);
        return Ring() && AreNext(2 * _endpoints.Length, RequestStatus.Ok) && AreNext(2, RequestStatus.NoEnt);
    }

    /// <summary>Takes the next answer; its used length.</summary>
    public uint Take(out bool isInOrder, out bool isGuarded) => _rings.Take(out isInOrder, out isGuarded);

    /// <summary>The next event buffer that came back; false where there is none.</summary>
    public bool TryTakeReport(Span<byte> into, out uint usedLength) => _rings.TryTakeReport(into, out usedLength);

    /// <summary>Reads the field <c>bypass</c>.</summary>
    public byte ReadBypass() => _machine.ReadBypass();

    /// <summary>Writes the field <c>bypass</c>; false where the device takes that for the end, and wants to be reset.</summary>
    public bool WriteBypass(byte value)
    {
        _isBypassWritten = true;
        _machine.WriteBypass(value);
        _needsReset = (ReadStatus() & DeviceStatus.NeedsReset) != 0;
        return !_needsReset;
    }

    /// <inheritdoc/>
    public void Dispose() => _target.Dispose();

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
        uint domain = (_offered & Features.DomainRange) != 0 ? _config.DomainStart : 0;
        if (domain == AtPowerOn.MissingDomain || !driver.Has(Features.MapUnmap) || !driver.Attach(domain, _endpoints[0].Id).IsOk) return false;
        if (LeftoverDomains.Find(IommuDriver.Start(_machine), [domain], AtPowerOn) is null) return false;
        _machine.ResetSystem();
        Dma.Forget();
        Dma.Prime();
        return true;
    }

    private InitialState AtPowerOn => new(_offered, _config, []);

    private RequestStatus? StatusOfUnmap(uint domain)
    {
        Put(new UnmapRequest(domain, AtPowerOn.Translatable.First, AtPowerOn.Translatable.Last).Encode(), Request.TailSize, Framing.Plain);
        return Ring() && Take(out bool _, out bool _) == Request.TailSize ? (RequestStatus)Reply[0] : null;
    }

    private ulong Accepted(ulong wanted) => ((wanted | Needed) & _offered & ~NotSpoken) | Features.Version1;

    private DeviceViolationException Refusal(DeviceStatus status) => (status & DeviceStatus.FeaturesOk) == 0
        ? new("CORE-FEAT-D-02", "the device accepts any valid subset of the features that it offers", $"FEATURES_OK does not stay set with features 0x{_negotiated:x}")
        : new(OracleClause.DescIommu01.Id(), "a driver that keeps to the rules can start the device", $"the device status reads {status} after DRIVER_OK with features 0x{_negotiated:x}");

    private bool TryDetach()
    {
        if (_attached.Count == 0) return true;
        foreach (var (domain, endpoint) in _attached) Put(new DetachRequest(domain, endpoint).Encode(), Request.TailSize, Framing.Plain);
        var domains = _attached.Select(pair => pair.Domain).Distinct().ToList();
        foreach (uint domain in domains) Put(new UnmapRequest(domain, 0, ulong.MaxValue).Encode(), Request.TailSize, Framing.Plain);
        if (!Ring()) return false;
        foreach (var _ in _attached) Take(out bool _, out bool _);
        return AreNext(domains.Count, RequestStatus.NoEnt);
    }

    private bool AreNext(int count, RequestStatus status)
    {
        bool are = true;
        for (; count > 0; count--)
        {
            uint used = Take(out bool isInOrder, out bool _);
            are &= isInOrder && used == Request.TailSize && Reply[0] == (byte)status;
        }

        return are;
    }

    // A device reset leaves the field alone, and only who has the feature may write it.
    private bool TryRestoreBypass()
    {
        if (!_isClean || (_negotiated & Features.BypassConfig) == 0) Start(ulong.MaxValue);
        if ((_negotiated & Features.BypassConfig) == 0) return false;
        _machine.WriteBypass(_config.Bypass);
        _isClean = _machine.ReadBypass() == _config.Bypass;
        _isBypassWritten = !_isClean;
        return _isClean;
    }

    // Where they were before a reset of the machine.
    private void PlaceBars()
    {
        var function = _machine.Pci!.Function.Address;
        for (int bar = 0; bar < BarCount; bar++) _target.PostConfigWrite(function, FirstBarOffset + (4 * bar), 4, _bars[bar]);
        // Nobody listens to the line, and each change of it is a line of text on the socket.
        _target.PostConfigWrite(function, CommandOffset, 2, (uint)(PciCommand.MemorySpace | PciCommand.BusMaster | PciCommand.InterruptDisable));
    }

    private void SetUpQueue(int queue, ushort size, QueueAddresses addresses)
    {
        Post(CommonField.QueueSelect, (ulong)queue);
        Post(CommonField.QueueSize, size);
        Post(CommonField.QueueDescLow, (uint)addresses.Descriptors);
        Post(CommonField.QueueDescHigh, addresses.Descriptors >> 32);
        Post(CommonField.QueueDriverLow, (uint)addresses.Driver);
        Post(CommonField.QueueDriverHigh, addresses.Driver >> 32);
        Post(CommonField.QueueDeviceLow, (uint)addresses.Device);
        Post(CommonField.QueueDeviceHigh, addresses.Device >> 32);
        Post(CommonField.QueueEnable, 1);
    }

    private void Post(CommonField field, ulong value) => _target.PostMmioWrite(_common + field.Offset, field.Width, value);

    private DeviceStatus ReadStatus() => (DeviceStatus)_target.MmioRead(_common + CommonField.DeviceStatus.Offset, CommonField.DeviceStatus.Width);
}
