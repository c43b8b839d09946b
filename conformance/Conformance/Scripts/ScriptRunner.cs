using Viommu.Conformance.Checks;
using Viommu.Conformance.Oracle;
using Viommu.Conformance.Running;
using Viommu.Guest;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Scripts;

/// <summary>
/// Does what scripts say to a target, through the guest driver, one operation at a time, and has the oracle judge each. It is made for one
/// target, and used for one script after the other: <see cref="Begin"/> brings the device back to where scripts begin.
/// </summary>
/// <remarks>After a step that does not end <see cref="StepEnd.Alive"/>, the target has to be replaced, and this with it.</remarks>
public sealed class ScriptRunner
{
    private const int EventBuffers = 16;

    private readonly Machine machine;
    private readonly DmaEndpoint[] endpoints;
    private readonly byte[]?[] held;
    private readonly ulong[] landed = new ulong[ScriptParser.LongestAccess];
    private readonly IommuConfig powerOn;
    private readonly EndpointFacts[] endpointFacts;
    private Playground playground;
    private IommuDriver driver;
    private ulong accepted;
    private bool isPrimed;

    /// <summary>Looks a fresh target over. Throws <see cref="GuestSetupException"/> where no driver can start its device.</summary>
    /// <param name="target">The target; it belongs to the caller.</param>
    /// <param name="alsoAccept">Feature bits to accept where they are offered, whatever a script says.</param>
    public ScriptRunner(ITarget target, ulong alsoAccept)
    {
        machine = Machine.Discover(target, alsoAccept);
        endpoints = [.. target.BusMasters.Select(master => new DmaEndpoint(master, machine))];
        held = new byte[]?[endpoints.Length];
        Offered = machine.ReadOfferedFeatures();
        powerOn = machine.ReadConfig();
        driver = IommuDriver.Start(machine);
        endpointFacts = [.. endpoints.Select(endpoint => new EndpointFacts(endpoint.Id, RegionsOf(endpoint.Id)))];
        playground = new Playground(machine, Page);
        Bindings = BindingsNow();
        Oracle = new SpecOracle(FactsNow());
    }

    /// <summary>Feature bits that the device offers.</summary>
    public ulong Offered { get; }

    /// <summary>What symbols stand for here.</summary>
    public ScriptBindings Bindings { get; private set; }

    /// <summary>The oracle, in the state that it believes the device to be in.</summary>
    public SpecOracle Oracle { get; }

    /// <summary>What passed between driver and device since <see cref="Begin"/>.</summary>
    public IReadOnlyList<string> Journal => machine.Journal.ToLines();

    /// <summary>True where the machine can be reset as a whole.</summary>
    public bool CanSystemReset => machine.Target.CanSystemReset;

    /// <summary>The memory that scripts map, inclusive.</summary>
    public AddressWindow Memory => new(playground.Base, playground.Last);

    /// <summary>What scripts map at a time: a granule, or a page where the granule is smaller.</summary>
    public ulong Page => Math.Max(powerOn.Granule, 4096);

    /// <summary>
    /// Brings the device to where scripts begin: reset, <c>bypass</c> as at power-on, endpoints ready for DMA, and a driver running that accepts
    /// <paramref name="features"/> of the device type. Throws what a target throws that does not survive it, and
    /// <see cref="GuestSetupException"/> where no driver can be started.
    /// </summary>
    public void Begin(ulong features = Features.IommuChapter)
    {
        machine.Heap.Clear();
        playground = new Playground(machine, Page);
        Prime();
        if (HasBypassField && machine.ReadBypass() != powerOn.Bypass)
        {
            driver = IommuDriver.Start(machine);
            machine.WriteBypass(powerOn.Bypass);
        }
        accepted = features;
        RemoveLeftovers();
        machine.Journal.Clear();
        StartDriver();
        Oracle.Restart(FactsNow(), IsBypassSet());
    }

    /// <summary>
    /// Runs a whole script from the beginning; ends early where the target does. <paramref name="beginning"/> is told the number of each operation
    /// before it is done.
    /// </summary>
    public IEnumerable<ScriptStep> Run(Script script, bool explain = false, Action<int>? beginning = null)
    {
        ArgumentNullException.ThrowIfNull(script);
        Begin(script.Lines.TakeWhile(line => line is not ScriptOperation).OfType<FeaturesLine>().LastOrDefault()?.Features ?? Features.IommuChapter);
        var number = 0;
        foreach (var line in script.Lines)
        {
            if (line is FeaturesLine features) Accept(features.Features);
            if (line is not ScriptOperation operation) continue;
            beginning?.Invoke(number++);
            var step = Do(operation, explain);
            yield return step;
            if (step.End != StepEnd.Alive) yield break;
        }
    }

    /// <summary>The features that a driver accepts when it starts next, of those of the device type.</summary>
    public void Accept(ulong features) => accepted = features;

    /// <summary>Does one operation and judges it.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="explain">True to say what would have been right, which takes longer.</param>
    public ScriptStep Do(ScriptOperation operation, bool explain = false)
    {
        ArgumentNullException.ThrowIfNull(operation);
        try
        {
            return operation switch
            {
                RequestOperation request => Send(request, explain),
                DmaOperation dma => Access(dma),
                BypassOperation bypass => WriteBypass(bypass),
                ResetOperation => Reset(operation),
                SystemResetOperation => ResetSystem(operation),
                _ => throw new ArgumentException($"{operation.GetType().Name} is no operation", nameof(operation)),
            };
        }
        catch (DeviceViolationException violation)
        {
            return Ended(operation, StepEnd.Violation, violation.Clause, violation.Actual, violation.Expected, "");
        }
        catch (TargetDiedException death)
        {
            return Ended(operation, StepEnd.Crash, BrokenByDeath(operation), "the target died", "the target goes on", death.LastWords);
        }
        catch (TargetHungException hang)
        {
            return Ended(operation, StepEnd.Hang, BrokenByDeath(operation), "the target hangs", "the target goes on", hang.LastWords);
        }
        catch (GuestSetupException failure)
        {
            // A driver that did nothing wrong could not be started, or the device is not what it was.
            return Ended(operation, StepEnd.Violation, OracleClause.DescIommu01.Id(), failure.Message, "a driver can be started after a reset", "");
        }
    }

    private ScriptStep Send(RequestOperation operation, bool explain)
    {
        var request = Bindings.RequestOf(operation);
        var view = request.Encode();
        var expected = explain && !Oracle.IsLost ? Oracle.Allowed(new RequestView(view, request.WritableLength)) : "";
        Exchange exchange;
        try
        {
            exchange = driver.Send(request, FramingFor(operation.Framing));
        }
        catch (QueueTooSmallException)
        {
            exchange = driver.Send(request);
        }
        var judgement = Oracle.Judge(
            new RequestView(view, request.WritableLength), exchange.IsReturned ? new AnswerView(exchange.Reply, exchange.UsedLength) : AnswerView.NotReturned);
        var seen = exchange.IsReturned ? $"{StatusOf(exchange)} used={exchange.UsedLength}" : "DEVICE_NEEDS_RESET";
        return Stepped(operation, judgement, seen, expected) with { Exchange = exchange };
    }

    private static string StatusOf(Exchange exchange) => exchange.Status is { } status ? status.Name() : exchange.IsUnwritten ? "unwritten" : "written";

    // A ring that has no indirect descriptors, and one that has none beside others, takes what it can. No chain is longer than the queue,
    // with what is in its indirect table: a driver must not make one.
    private Framing FramingFor(ScriptFraming framing)
    {
        if (framing == ScriptFraming.Plain) return Framing.Plain;
        var wanted = framing.ToFraming();
        if (wanted.Readable.Length + wanted.Writable.Length + 2 > driver.Requests.Size) return Framing.Plain;
        if (!driver.Has(Features.IndirectDesc)) return wanted with { Indirect = 0 };
        return driver.Has(Features.RingPacked) && wanted.Indirect > 0 ? wanted with { Indirect = int.MaxValue } : wanted;
    }

    private ScriptStep Access(DmaOperation operation)
    {
        if (operation.Endpoint.Value >= (ulong)endpoints.Length) return Stepped(operation, NotSeen, "no such endpoint");
        var index = (int)operation.Endpoint.Value;
        var endpoint = endpoints[index];
        var (address, length) = (Bindings.Resolve(operation.Address), Math.Min(operation.Length, endpoint.Longest));

        // What would go where it cannot be seen, or into the driver's own memory, is left alone.
        if (!isPrimed || Oracle.IsLost || IsElsewhere(address, length) || Oracle.MayLeave(endpoint.Id, address, length, operation.IsWrite, Memory)) return Stepped(operation, NotSeen, "left out");
        var where = landed.AsSpan(0, length);
        where.Fill(SpecOracle.Nowhere);
        if (operation.IsWrite)
        {
            endpoint.Write(address, length);
            playground.FindWritten(endpoint.Pattern[..length], where);
        }
        else if (!TryRead(index, address, where))
        {
            return Stepped(operation, NotSeen, "left out");
        }
        var judgement = Oracle.JudgeAccess(endpoint.Id, address, operation.IsWrite, where);
        var reported = TakeReports();
        return Stepped(operation, judgement.IsDeviation ? judgement : reported, Describe(where), "");
    }

    /// <summary>Where an untranslated access would get to the driver's own memory, or to registers: a device that lets it through must not do that harm.</summary>
    private bool IsElsewhere(ulong address, int length)
    {
        var last = unchecked(address + (ulong)length - 1);
        return !(address >= Memory.First && last <= Memory.Last) && (Meets(machine.Target.Ram.Window) || Meets(machine.Target.BarWindow));

        bool Meets(AddressWindow window) => address <= window.Last && last >= window.First;
    }

    private static Judgement NotSeen => new(JudgementKind.Unjudged, OracleClause.Silence);

    /// <summary>Has the endpoint read, and finds out what it got by having it store that where it certainly can; false where it cannot store anywhere.</summary>
    private bool TryRead(int index, ulong address, Span<ulong> where)
    {
        var endpoint = endpoints[index];
        if (!Oracle.TryFindWindow(endpoint.Id, where.Length, Memory, out var window, out var backing)) return false;
        if (held[index] is not { } before || before.Length < where.Length) before = Spill(endpoint, window, backing, where.Length);
        endpoint.Read(address, where.Length);
        var after = Spill(endpoint, window, backing, where.Length);
        held[index] = after;
        if (before is null || after is null)
        {
            where.Fill(SpecOracle.Unseen);
            return true;
        }
        var isKnown = true;
        for (var i = 0; i < where.Length; i++)
        {
            if (Oracle.TryTranslate(endpoint.Id, unchecked(address + (ulong)i), isWrite: false, out var physical) && playground.Holds(physical) && after[i] == playground[physical])
                where[i] = physical;
            else if (after[i] != before[i]) isKnown = false;
        }
        if (isKnown) return true;

        // Something else than was there before and than was to be expected: it counts where it can be found.
        if (playground.TryFindSource(after, out var source))
        {
            for (var i = 0; i < where.Length; i++) where[i] = source + (ulong)i;
        }
        return true;
    }

    private byte[]? Spill(DmaEndpoint endpoint, ulong window, ulong backing, int length)
    {
        playground.Blank(backing, length);
        var bytes = endpoint.Spill(window, backing, length);
        playground.Restore(backing, length);
        return bytes.AsSpan().IndexOfAnyExcept(Playground.Blanked) < 0 ? null : bytes;
    }

    private Judgement TakeReports()
    {
        machine.Target.Settle();
        var judgement = new Judgement(JudgementKind.Allowed, OracleClause.Silence);
        foreach (var taken in driver.TakeEvents())
        {
            var judged = Oracle.JudgeReport(taken.Bytes, taken.UsedLength);
            if (!judgement.IsDeviation) judgement = judged;
            driver.PostEventBuffer(FaultReport.Size);
        }
        return judgement;
    }

    private string Describe(ReadOnlySpan<ulong> where)
    {
        var arrived = where.Length - where.Count(SpecOracle.Nowhere) - where.Count(SpecOracle.Unseen);
        if (arrived == 0) return where.Contains(SpecOracle.Unseen) ? "not seen" : "refused";
        var first = where.IndexOfAnyExcept(SpecOracle.Nowhere, SpecOracle.Unseen);
        var at = ScriptPrinter.Word(Symbol.Ram(where[first] - playground.Base));
        return arrived == where.Length ? $"reached {at}" : $"reached {at} with {arrived} bytes";
    }

    private ScriptStep WriteBypass(BypassOperation operation)
    {
        if (!HasBypassField) return Stepped(operation, NotSeen, "there is no such field");
        machine.WriteBypass(operation.Value);
        var read = machine.ReadBypass();
        var judgement = Oracle.JudgeBypass(read);
        if ((machine.Transport.ReadStatus() & DeviceStatus.NeedsReset) == 0) return Stepped(operation, judgement, $"reads {read}");

        // A device may take a value that is no driver's to write for a broken driver.
        Oracle.LoseTrack();
        return Stepped(operation, judgement, $"reads {read}, DEVICE_NEEDS_RESET");
    }

    private ScriptStep Reset(ScriptOperation operation)
    {
        var before = IsBypassSet();
        uint[] existed = [.. Oracle.CertainDomains.ToArray().Select(domain => domain.Id)];
        var leftover = RemoveLeftovers(existed);
        StartDriver();
        Oracle.Start(FactsNow(), IsBypassSet());
        if (leftover is { } domain)
        {
            if (!machine.Target.CanSystemReset) Oracle.LoseTrack();
            // Where it is not certain that there was such a domain, neither is it that this reset left it.
            return Stepped(operation, existed.Contains(domain) ? new Judgement(JudgementKind.Leftover, OracleClause.DescIommu01) : NotSeen, $"domain {domain} still exists");
        }

        return Stepped(operation, HasBypassField ? Oracle.JudgeBypass(machine.ReadBypass(), before, OracleClause.CfgD04) : NotSeen, HasBypassField ? $"bypass {machine.ReadBypass()}" : "done");
    }

    private ScriptStep ResetSystem(ScriptOperation operation)
    {
        if (!machine.Target.CanSystemReset) return Stepped(operation, NotSeen, "cannot be done");
        machine.ResetSystem();
        var read = HasBypassField ? machine.ReadBypass() : (byte)0;
        PrepareAnew();
        StartDriver();
        Oracle.Start(FactsNow(), IsBypassSet());
        var judgement = HasBypassField ? Oracle.JudgeBypass(read, (powerOn.Bypass & 1) != 0, OracleClause.CfgD05) : NotSeen;
        return Stepped(operation, judgement, HasBypassField ? $"bypass {read}" : "done");
    }

    // What a device reset has left would be taken for the doing of whatever comes next. A driver of its own looks, since that of the script may
    // have no way to ask.
    private uint? RemoveLeftovers(params IEnumerable<uint> first)
    {
        if (machine.DomainsNamed.Count == 0) return null;
        var leftover = LeftoverDomains.Find(IommuDriver.Start(machine), first.Concat(machine.DomainsNamed), new InitialState(Offered, powerOn, []));
        machine.DomainsNamed.Clear();
        if (leftover is null || !machine.Target.CanSystemReset) return leftover;
        machine.ResetSystem();
        PrepareAnew();
        return leftover;
    }

    // Nothing of what endpoints were prepared with is there after a reset of the machine.
    private void PrepareAnew()
    {
        isPrimed = false;
        Array.Clear(held);
        Prime();
    }

    private void StartDriver()
    {
        driver = IommuDriver.Start(machine, new DriverSettings { Accept = (Features.AcceptedByDefault & ~Features.IommuChapter) | (accepted & Features.IommuChapter), EventBuffers = EventBuffers });
        Bindings = BindingsNow();
    }

    private bool HasBypassField => (Offered & Features.BypassConfig) != 0;

    private bool IsBypassSet() => HasBypassField && (machine.ReadBypass() & 1) != 0;

    private DeviceFacts FactsNow() => new(Offered, driver.Negotiated, driver.Config, endpointFacts, Memory);

    private ScriptBindings BindingsNow() => new(
        playground.Base, [.. endpoints.Select(endpoint => endpoint.Id)],
        (Offered & Features.DomainRange) != 0 ? powerOn.DomainStart : 0, (int)Math.Min(powerOn.ProbeSize, ScriptParser.LargestBuffer));

    private List<ReservedRegion> RegionsOf(uint endpoint)
    {
        if (!driver.Has(Features.Probe)) return [];
        var probe = driver.Probe(endpoint);
        return probe.IsOk
            ? [.. ProbeProperty.Parse(probe.Reply.AsSpan(0, probe.TailOffset)).Select(property => property.AsReservedRegion()).OfType<ReservedRegion>()]
            : [];
    }

    /// <summary>Puts every endpoint's pattern in place, in bypass mode or through a mapping; where neither works, no access is made.</summary>
    private void Prime()
    {
        if (isPrimed) return;
        machine.ResetDevice();
        isPrimed = endpoints.All(endpoint => endpoint.TryPrime(playground.Base, playground.Base)) || endpoints.All(PrimeThroughMapping);
        playground.Restore(playground.Base, playground.Length);
    }

    private bool PrimeThroughMapping(DmaEndpoint endpoint)
    {
        driver = IommuDriver.Start(machine);
        var facts = FactsNow();
        var at = (Math.Max(facts.InputFirst, 0x1000_0000) + Page - 1) & ~(Page - 1);
        return driver.Attach(facts.DomainFirst == 0 ? 1 : facts.DomainFirst, endpoint.Id).IsOk
            && driver.Map(facts.DomainFirst == 0 ? 1 : facts.DomainFirst, at, at + Page - 1, playground.Base).IsOk
            && endpoint.TryPrime(at, playground.Base);
    }

    /// <summary>The clause that is broken if an operation is the end of the target.</summary>
    public string BrokenByDeath(ScriptOperation operation)
    {
        if (operation is not RequestOperation op) return (operation is DmaOperation ? OracleClause.DescIommu13 : OracleClause.DescIommu01).Id();
        var request = Bindings.RequestOf(op);
        return Oracle.BrokenByDeath(new RequestView(request.Encode(), request.WritableLength)).Id();
    }

    private ScriptStep Ended(ScriptOperation operation, StepEnd end, string clause, string actual, string expected, string lastWords) =>
        new(operation with { Seen = new Seen(actual, clause) }, NotSeen, end) { Broken = clause, Expected = expected, LastWords = lastWords };

    private static ScriptStep Stepped(ScriptOperation operation, Judgement judgement, string seen, string expected = "")
    {
        var broken = judgement.IsDeviation ? judgement.ClauseId : "";
        return new(operation with { Seen = new Seen(seen, judgement.IsDeviation ? broken : null) }, judgement) { Broken = broken, Expected = expected };
    }
}
