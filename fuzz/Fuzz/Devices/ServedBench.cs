using Viommu.Conformance.Oracle;
using Viommu.Guest;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Served;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Devices;

/// <summary>
/// A device behind the line protocol, driven by the ordinary driver through whichever transport and ring it has. A register costs a line and
/// its answer, so requests go out many at a time, and what comes back is seen in memory.
/// </summary>
internal sealed class ServedBench : ProgramBench
{
    // While requests are waited for, the ring is looked at this often for each look at the device status.
    private const int LooksAtRing = 32;

    private readonly ServedTarget _target;
    private readonly DriverRings _rings;
    private readonly ulong _ours;
    private readonly bool _hasVirtualTime;

    private ServedBench(ServedTarget target, ServedTargetSource source)
        : base(target, source.AlsoAccept)
    {
        _target = target;
        _hasVirtualTime = source.HasVirtualTime;
        _rings = new(Machine);
        _ours = Machine.Heap.Allocate(0, 1) - target.Ram.Window.First;
        Start(ulong.MaxValue);
        IsClean = true;
    }

    /// <inheritdoc/>
    public override long RoundTrips => _target.RoundTrips;

    /// <inheritdoc/>
    public override IRequestRings Rings => _rings;

    /// <summary>Starts a program; throws <see cref="TargetUnavailableException"/> where that fails, or its device does not get as far as where inputs start.</summary>
    public static ServedBench Open(ServedTargetSource source) => Open<ServedTarget, ServedBench>(source, target => new(target, source));

    /// <inheritdoc/>
    public override void Start(ulong wanted)
    {
        // What the driver before has laid out is the next one's to use.
        Machine.Heap.Clear();
        Machine.Heap.Allocate(_ours, 1);
        Negotiate(Accepted(wanted));
        _rings.Begin(Run());
    }

    /// <inheritdoc/>
    public override bool Ring()
    {
        _rings.Notify();
        int looks = 0;
        int left;
        do
        {
            left = _rings.Due;
            if (Machine.Await(IsOver)) return !NeedsReset;
        }
        while (_rings.Due < left);
        if (NeedsReset = AsksForReset()) return false;
        throw new TargetHungException($"the device neither returned a request nor asked for a reset within {Machine.Patience.TotalSeconds:0} s", LastWords);

        bool IsOver()
        {
            if (_rings.Due == 0) return true;
            if (++looks % LooksAtRing != 0 || !AsksForReset()) return false;
            // What it returned before it asked counts.
            NeedsReset = _rings.Due > 0;
            return true;
        }
    }

    /// <inheritdoc/>
    public override string? WhyNoRings =>
        !_hasVirtualTime ? "it has a time of its own (time=virtual is missing), and could be writing to memory that a ring program writes to"
        : Machine.Transport.IsLegacy ? "its interface is a legacy one, where rings lie in one piece"
        : base.WhyNoRings;

    /// <inheritdoc/>
    public override bool Notify(int queue)
    {
        Machine.Transport.Notify(queue);
        return AsksForReset();
    }

    /// <inheritdoc/>
    public override bool Await(Func<bool> condition) => Machine.Await(condition);

    /// <inheritdoc/>
    protected override void StartAt(ulong accepted, ushort size, QueueAddresses requests, QueueAddresses events)
    {
        Negotiate(accepted);
        var transport = Machine.Transport;
        transport.RouteNotifications(NotificationMode.Polled, messageArea: 0);
        SetUp(IommuDriver.RequestQueueNumber, requests);
        SetUp(IommuDriver.EventQueueNumber, events);
        Negotiation.SetDriverOk(Machine);
        CheckRuns();

        void SetUp(int queue, QueueAddresses addresses)
        {
            transport.WriteQueueSize(queue, size);
            transport.WriteQueueAddresses(queue, addresses);
            transport.EnableQueue(queue);
        }
    }

    /// <inheritdoc/>
    protected override ulong Accepted(ulong wanted) => Machine.Acceptable(Offered, (wanted & Features.AcceptedByDefault) | Features.Indispensable);

    /// <inheritdoc/>
    protected override void ResetMachine() => Machine.ResetSystem();

    private void Negotiate(ulong accepted)
    {
        Begin(accepted);
        if (!Machine.ResetDevice()) throw Unreset(Machine.Transport.ReadStatus());
        Machine.Transport.WriteStatus(DeviceStatus.Acknowledge);
        Machine.Transport.WriteStatus(DeviceStatus.Acknowledge | DeviceStatus.Driver);
        if (!Negotiation.Offer(Machine, Negotiated)) throw Refused();
    }

    private IommuDriver Run()
    {
        try
        {
            var driver = IommuDriver.Prepare(Machine, Negotiated, new());
            Negotiation.SetDriverOk(Machine);
            CheckRuns();
            return driver;
        }
        catch (GuestSetupException failure) when (!failure.IsOfHarness)
        {
            throw new DeviceViolationException(OracleClause.DescIommu01.Id(), "a driver that keeps to the rules can start the device", failure.Message);
        }
    }

    private void CheckRuns()
    {
        var status = Machine.Transport.ReadStatus();
        if ((status & (DeviceStatus.DriverOk | DeviceStatus.NeedsReset | DeviceStatus.Failed)) != DeviceStatus.DriverOk) throw Unstarted(status);
    }
}
