using Viommu.Conformance.Checks;
using Viommu.Guest;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Running;

/// <summary>
/// A running target that checks share. Between two checks it is brought back to its state after power-on by a device reset, and that
/// this worked is verified by a driver, not believed.
/// </summary>
internal sealed class LiveTarget : IDisposable, IEndpointCare
{
    private const int DomainsVerified = 64;
    private readonly ITarget target;
    private readonly Machine machine;
    private readonly InitialState initial;
    private readonly DmaEndpoint[] endpoints;
    private readonly string? bringUp;
    private bool primed;

    private LiveTarget(ITarget target, ulong alsoAccept, bool keepsAll)
    {
        this.target = target;
        machine = Machine.Discover(target, alsoAccept);
        machine.Journal.KeepsAll = keepsAll;
        endpoints = [.. target.BusMasters.Select(master => new DmaEndpoint(master, machine))];
        var offered = machine.ReadOfferedFeatures();
        initial = new InitialState(offered, machine.ReadConfig(), []);
        try
        {
            if ((offered & Features.Probe) != 0) initial = initial with { ReservedRegions = ProbeReservedRegions() };
        }
        catch (Exception failure) when (failure is GuestSetupException or DeviceViolationException)
        {
            // A device that no driver can start is judged all the same; the checks whose set-up needs a driver will say so one by one.
            bringUp = failure.Message;
        }
    }

    /// <summary>What the device was at power-on.</summary>
    public InitialState Initial => initial;

    public TargetIdentity Identity => target.Identity;

    /// <summary>
    /// Looks a fresh target over, by drivers that accept <paramref name="alsoAccept"/> as well; all of what passes is evidence where
    /// <paramref name="keepsAll"/> says so, the latest otherwise. Disposes the target if that fails, and says what failed.
    /// </summary>
    public static LiveTarget Open(ITarget target, ulong alsoAccept, bool keepsAll = false)
    {
        try
        {
            return new LiveTarget(target, alsoAccept, keepsAll);
        }
        catch (Exception failure) when (failure is GuestSetupException or TargetDiedException or TargetHungException)
        {
            var words = failure is TargetDiedException or TargetHungException ? $" ({target.LastWords})" : "";
            target.Dispose();
            throw new TargetUnavailableException($"{target.Identity} cannot be brought up: {failure.Message}{words}", failure);
        }
    }

    /// <summary>What a check works with. The device is in its state after reset.</summary>
    public CheckContext ContextFor(Random random, ResetLedger resets)
    {
        machine.Heap.Clear();
        machine.Journal.Clear();
        machine.DomainsNamed.Clear();
        return new CheckContext(machine, random, initial, endpoints, resets, this);
    }

    /// <summary>
    /// Undoes what a check did by a device reset and proves it; what the reset did not do goes to <paramref name="resets"/>. Where something was
    /// still there the machine is reset as a whole. False where the target has to be replaced, since that cannot be, did not help, or nothing
    /// can be said of its state.
    /// </summary>
    public bool TryRestore(string check, ResetLedger resets)
    {
        if (!machine.ResetDevice())
        {
            resets.AddIncomplete($"after {check}: the status reads 0x{(byte)machine.Transport.ReadStatus():x2} {machine.Patience.TotalSeconds:0} s after a device reset");
            return false;
        }

        if (FindLeftover() is not { } leftover) return true;
        resets.AddLeftover($"after {check}: {leftover}");
        if (!target.CanSystemReset) return false;
        machine.ResetSystem();
        Forget();
        return FindLeftover() is null;
    }

    /// <summary>The evidence: what has passed since the check began.</summary>
    public IReadOnlyList<string> Evidence() =>
        bringUp is null ? machine.Journal.ToLines() : [$"(when the device was looked over: {bringUp})", .. machine.Journal.ToLines()];

    /// <summary>A remark on the device's state, for a finding: null unless it reports that it needs a reset.</summary>
    public string? Ailment() =>
        (machine.Transport.ReadStatus() & DeviceStatus.NeedsReset) != 0 ? "the device reports DEVICE_NEEDS_RESET" : null;

    /// <summary>Ends the target at once, from any thread.</summary>
    public void Kill() => target.Kill();

    public string LastWords => target.LastWords;

    public void Dispose() => target.Dispose();

    /// <summary>
    /// Asks the device, by a driver like any other, for the domains that the check has named: the answer for one that nothing was ever
    /// attached to is the measure. Puts bypass back by hand, which a device reset keeps (5.13.4.2).
    /// </summary>
    private string? FindLeftover()
    {
        machine.Heap.Clear();
        var bypassMoved = (initial.OfferedFeatures & Features.BypassConfig) != 0 && machine.ReadBypass() != initial.Config.Bypass;
        var named = machine.DomainsNamed.Where(domain => domain != initial.MissingDomain).Take(DomainsVerified).ToList();
        if (named.Count == 0 && !bypassMoved) return null;
        var driver = IommuDriver.Start(machine);
        var leftover = LeftoverDomains.Find(driver, named, initial);
        if (bypassMoved && driver.Has(Features.BypassConfig)) machine.WriteBypass((byte)(initial.Config.Bypass & 1));
        machine.ResetDevice();
        return leftover is null ? null : $"domain {leftover} still exists";
    }

    /// <inheritdoc/>
    public void Forget() => primed = false;

    /// <inheritdoc/>
    public string? Prime()
    {
        if (primed) return null;
        var backing = machine.Heap.Allocate(4096, 4096);
        primed = endpoints.All(endpoint => endpoint.TryPrime(backing, backing)) || endpoints.All(PrimeThroughMapping);
        machine.ResetDevice();
        return primed ? null : "endpoints reach memory neither in bypass mode nor through a mapping, so nothing can be said of their DMA";
    }

    private bool PrimeThroughMapping(DmaEndpoint endpoint)
    {
        var context = new CheckContext(machine, new Random(0), initial, endpoints, new ResetLedger(), this);
        var driver = IommuDriver.Start(machine);
        var size = Math.Max(1, 4096 / context.Granule);
        var (at, backing) = (context.Virtual(size), context.Physical(size));
        return driver.Attach(context.Domain(0), endpoint.Id).IsOk
            && driver.Map(context.Domain(0), at, at + size * context.Granule - 1, backing).IsOk
            && endpoint.TryPrime(at, backing);
    }

    private List<ReservedRegion> ProbeReservedRegions()
    {
        var driver = IommuDriver.Start(machine);
        var regions = new List<ReservedRegion>();
        foreach (var exchange in endpoints.Select(endpoint => driver.Probe(endpoint.Id)).Where(exchange => exchange.IsOk))
            regions.AddRange(ProbeProperty.Parse(exchange.Reply.AsSpan(0, exchange.TailOffset)).Select(p => p.AsReservedRegion()).OfType<ReservedRegion>());
        machine.ResetDevice();
        return regions;
    }
}
