using Viommu.Conformance.Oracle;
using Viommu.Guest;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Served;
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

    private ServedBench(ServedTarget target, ulong alsoAccept)
        : base(target, alsoAccept)
    {
        _target = target;
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
    public static ServedBench Open(ServedTargetSource source) => Open<ServedTarget, ServedBench>(source, target => new(target, source.AlsoAccept));

    /// <inheritdoc/>
    public override void Start(ulong wanted)
    {
        // What the driver before has laid out is the next one's to use.
        Machine.Heap.Clear();
        Machine.Heap.Allocate(_ours, 1);
        Begin(Accepted(wanted));
        if (!Machine.ResetDevice()) throw Unreset(Machine.Transport.ReadStatus());
        Machine.Transport.WriteStatus(DeviceStatus.Acknowledge);
        Machine.Transport.WriteStatus(DeviceStatus.Acknowledge | DeviceStatus.Driver);
        if (!Negotiation.Offer(Machine, Negotiated)) throw Refused();
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
    protected override ulong Accepted(ulong wanted) => Machine.Acceptable(Offered, (wanted & Features.AcceptedByDefault) | Features.Indispensable);

    /// <inheritdoc/>
    protected override void ResetMachine() => Machine.ResetSystem();

    private IommuDriver Run()
    {
        try
        {
            var driver = IommuDriver.Prepare(Machine, Negotiated, new());
            Negotiation.SetDriverOk(Machine);
            var status = Machine.Transport.ReadStatus();
            return (status & (DeviceStatus.DriverOk | DeviceStatus.NeedsReset | DeviceStatus.Failed)) == DeviceStatus.DriverOk ? driver : throw Unstarted(status);
        }
        catch (GuestSetupException failure) when (!failure.IsOfHarness)
        {
            throw new DeviceViolationException(OracleClause.DescIommu01.Id(), "a driver that keeps to the rules can start the device", failure.Message);
        }
    }
}
