using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Rings;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Driver;

namespace Viommu.Fuzz.Devices;

/// <summary>
/// Judges what a device makes of raw rings by what is seen of it from outside: guest memory before and after, and whether it asks for a reset.
/// What the text leaves open passes: any order, a limit on the descriptors of a chain, a reset over a request that makes no sense, buffers
/// used before anybody notified. Once rings are malformed, or mean different things at different times, the device may do as it likes within
/// the bounds of what any descriptor names as writable.
/// </summary>
internal sealed class RingJudge
{
    private const string IndirectBehindDirect = "SPLIT-INDIRECT-D-02";
    private const int RequestQueue = 0;
    private const int EventQueue = 1;
    private const int ReportSize = 24;

    // A device may limit the descriptors of a chain (SPLIT-FRAMING-D-02, PACKED-SG-D-02); no reasonable limit is below these.
    private const int FewBuffers = 4;

    private readonly RingFormat _format;
    private readonly RingModel[] _models;
    private readonly List<LentChain>[] _lent = [[], []];
    private readonly List<LentChain> _shown = [];
    private readonly List<ReturnedChain> _returned = [];
    private readonly RingPlace[] _places = new RingPlace[2];
    private readonly List<RequestClass> _classes = [];
    private readonly NamedBuffers _named;

    // Memory as the device was shown it, and as it was when the driver saw it last.
    private readonly byte[] _before;
    private readonly byte[] _known;
    private SpecOracle? _oracle;
    private DeviceFacts? _facts;
    private bool _isDue;
    private int _due;

    // The device has asked for a reset.
    private bool _isStopped;

    private int _unsure;

    public RingJudge(RingFormat format)
    {
        _format = format;
        Memory = new(RingMachine.MemorySize);
        _models = [format.NewModel(Memory), format.NewModel(Memory)];
        _named = new(Memory, format.IsPacked);
        _before = new byte[Memory.Size];
        _known = new byte[Memory.Size];
    }

    /// <summary>The clause that a device breaks which neither goes on serving malformed rings nor asks for a reset.</summary>
    public string Survival => _format.IsPacked ? "DESC-PACKED-16" : "DESC-SPLIT-10";

    private string UsedId => _format.IsPacked ? "DESC-PACKED-03" : "DESC-SPLIT-01";

    private string UsedLength => _format.IsPacked ? "DESC-PACKED-05" : "DESC-SPLIT-02";

    /// <summary>Memory as the driver sees it.</summary>
    public ShadowedMemory Memory { get; }

    /// <summary>How much can be told of the device.</summary>
    public RingTrust Trust { get; private set; }

    /// <summary>What was wrong with the rings when they were last looked at.</summary>
    public RingFault Fault { get; private set; }

    /// <summary>Chains that the device was last shown, or still has, and has to use: known while <see cref="Trust"/> is exact.</summary>
    public IReadOnlyList<LentChain> Due => _lent[RequestQueue];

    /// <summary>
    /// What there is in the rings for the device, as far as it looks like anything: exactly what it has to use, or else what it may come upon,
    /// behind what is wrong with them.
    /// </summary>
    public IReadOnlyList<RequestClass> Classes => _classes;

    /// <summary>What the device has used since it was last shown something, of the request queue.</summary>
    public IReadOnlyList<ReturnedChain> Returned => _returned;

    /// <summary>The oracle that judges answers.</summary>
    public SpecOracle Oracle => _oracle!;

    /// <summary>
    /// The first used descriptor of a packed ring that keeps silent about what was written; null where there is none. It hides answers
    /// from drivers, all of them: it is told where nothing else is broken, and answers are judged by the length that stands there.
    /// </summary>
    public BrokenInvariantException? Untold { get; private set; }

    /// <summary>What the program may have left behind.</summary>
    public RingLitter Litter =>
        (Trust != RingTrust.Exact || Oracle.IsLost || Oracle.IsUncertain || Oracle.HasDeviated || Oracle.CertainDomains.Length > 0 ? RingLitter.Domains : RingLitter.None)
        | (_named.HasStrayed ? RingLitter.Anything : RingLitter.None);

    /// <summary>A program begins, on a device that has just been started.</summary>
    public void Begin(in RingPlace place, DeviceFacts facts, bool isBypassed)
    {
        _facts = facts;
        _oracle ??= new(facts);
        _oracle.Restart(facts, isBypassed);
        (_places[RequestQueue], _places[EventQueue]) = (place, place.OfEvents);
        for (int queue = 0; queue < _models.Length; queue++)
        {
            _models[queue].Begin(_places[queue]);
            _lent[queue].Clear();
        }

        Memory.Bytes.Clear();
        RingMachine.GrantRings(Memory, _format.IsPacked, place.Size);
        Memory.Bytes.CopyTo(_known);
        _named.Begin();
        Untold = null;
        (Trust, Fault, _isStopped) = (RingTrust.Exact, RingFault.None, false);
    }

    /// <summary>The driver has done what no driver does: what the device makes of it cannot be told.</summary>
    public void Doubt() => Doubt(RingFault.Ambiguous);

    /// <summary>
    /// Looks at the rings as they are about to be shown to the device, which is to be notified of a queue, or has something to report. Buffers
    /// for answers are filled, so that one sees what was written.
    /// </summary>
    public void Foresee(int queue, bool isNotification)
    {
        _isDue = queue == RequestQueue && isNotification;
        _returned.Clear();
        _shown.Clear();
        _classes.Clear();
        if (Trust == RingTrust.Exact) Look();
        if (Trust != RingTrust.Exact && !_isStopped) Guess();
        if (Trust == RingTrust.Bounds && !_named.TryName(_places)) Trust = RingTrust.None;
        if (Trust == RingTrust.None) Memory.GrantAll();
        foreach (var chain in _lent[RequestQueue])
        {
            chain.Fill(Memory, GuardedBuffer.Poison);
            _classes.Add(chain.Class);
        }

        _due = _lent[RequestQueue].Count;
        _shown.AddRange([.. _lent[RequestQueue], .. _lent[EventQueue]]);
        Memory.Bytes.CopyTo(_before);
    }

    /// <summary>Takes what the device has used by now; true where there is nothing to wait for.</summary>
    public bool IsServed()
    {
        JudgeWrites();
        if (Trust != RingTrust.Exact) return true;
        for (int queue = 0; queue < _models.Length; queue++) TakeUsed(queue);
        return !_isDue || _lent[RequestQueue].Count == 0;
    }

    /// <summary>Judges what the device did, now that it does no more; throws <see cref="BrokenInvariantException"/>.</summary>
    public void Judge(bool needsReset)
    {
        bool isServed = IsServed();
        // Which of several requests the device took first nobody can see: what it makes of requests shows with a single one.
        if (_due > 1) Oracle.LoseTrack();
        foreach (var returned in _returned) Judge(returned);
        if (!isServed) JudgeUnused(needsReset);
        // What is on its way when a device asks for a reset may come back or not (2.1.1).
        if (needsReset) Doubt(Fault);
        _isStopped |= needsReset;
        if (Trust == RingTrust.Exact) Memory.RevokeLatest();
        Memory.Bytes.CopyTo(_known);
    }

    /// <summary>Deviations from which no clause could be told, since the last time that somebody asked.</summary>
    public int TakeUnsure()
    {
        int taken = _unsure;
        _unsure = 0;
        return taken;
    }

    /// <summary>The endpoint has made an access, of which nothing is seen but what is reported.</summary>
    public void Accessed(uint endpoint, ulong at, int length)
    {
        Span<ulong> landed = stackalloc ulong[length];
        landed.Fill(SpecOracle.Unseen);
        Oracle.JudgeAccess(endpoint, at, isWrite: false, landed);
    }

    /// <summary>What a device breaks that has ended, or does not come back.</summary>
    public RingDeath BrokenByDeath()
    {
        try
        {
            IsServed();
        }
        catch (BrokenInvariantException)
        {
            // It has broken something else before, and that is what another program shows.
        }

        if (Trust != RingTrust.Exact || _lent[RequestQueue] is not [var culprit, ..]) return new(Survival, $"{_format.Name} {Fault}", null);
        // What would have been right for a request that is odd by itself does not depend on what came before it.
        if (Oracle.IsLost && culprit.Class.IsOdd) Oracle.Restart(_facts!, bypass: false);
        return new(Oracle.BrokenByDeath(culprit.Request).Id(), culprit.Class.Operation, _due - _lent[RequestQueue].Count);
    }

    private void Look()
    {
        Fault = RingFault.None;
        if (_lent[EventQueue].Any(chain => chain.IsChanged(Memory, _known))) Doubt();
        foreach (var chain in _lent[EventQueue])
        {
            if (Trust == RingTrust.Exact && !TryShare(chain.Chain, chain.Tables)) Doubt();
        }

        for (int queue = 0; queue < _models.Length && Trust == RingTrust.Exact; queue++) Lend(queue);
        // What was made available the device may use at once (SPLIT-SUPPLY-D-01, PACKED-SUPPLY-D-01), and need not until it is notified.
        if (Trust == RingTrust.Exact && !_isDue && _lent[RequestQueue].Count > 0) Doubt();
    }

    // What it may come upon: requests, and what else is wrong with either ring.
    private void Guess()
    {
        for (int queue = 0; queue < _models.Length; queue++)
        {
            var (model, place) = (_models[queue], _places[queue]);
            for (int slot = 0; slot < place.Size; slot++)
            {
                var chain = new RingChain();
                var fault = model.Conceive(slot, chain);
                if (fault == RingFault.None && queue == RequestQueue) AddClass(new LentChain(chain, model, place, Memory, _facts!).Class);
                else if (fault is not (RingFault.None or RingFault.Empty)) AddClass(RequestClass.Of(fault));
            }
        }

        // Who is blamed is the last.
        if (Fault == RingFault.Ambiguous) return;
        _classes.Remove(RequestClass.Of(Fault));
        _classes.Add(RequestClass.Of(Fault));
    }

    private void AddClass(in RequestClass likeness)
    {
        if (!_classes.Contains(likeness)) _classes.Add(likeness);
    }

    private void Lend(int queue)
    {
        var model = _models[queue];
        while (Trust == RingTrust.Exact)
        {
            var chain = new RingChain();
            var fault = model.Walk(chain);
            if (fault == RingFault.Empty && !model.CouldGoByEarlierIndex && !model.IsHalfAvailable) return;
            if (fault == RingFault.Empty) fault = RingFault.Ambiguous;
            else if (fault == RingFault.None) fault = TryLend(queue, model, chain);
            if (fault != RingFault.None) Doubt(fault);
        }
    }

    private RingFault TryLend(int queue, RingModel model, RingChain chain)
    {
        foreach (var buffer in chain.Buffers)
        {
            if (buffer.Length == 0) return RingFault.EmptyBuffer;
            if (!LentChain.IsIn(Memory, buffer)) return RingFault.BufferUnreachable;
        }

        if (model.Table is { Length: > 0 } table && !LentChain.IsIn(Memory, new(table.Address, table.Length, IsWritable: false))) return RingFault.TableUnreachable;

        // Two chains of one name cannot be told apart when they come back.
        if (_lent[queue].Any(lent => lent.Chain.Id == chain.Id)) return RingFault.Ambiguous;
        var lent = new LentChain(chain, model, _places[queue], Memory, _facts!);
        if (!TryShare(chain, lent.Tables)) return RingFault.Ambiguous;
        _lent[queue].Add(lent);
        return RingFault.None;
    }

    // Where two uses of the same bytes meet, what happens depends on the order in which the device goes about it.
    private bool TryShare(RingChain chain, IReadOnlyList<(int Offset, int Length)> tables)
    {
        foreach (var (offset, length) in tables)
        {
            if (!Memory.TryShare(offset, length, Rights.Read)) return false;
        }

        foreach (var buffer in chain.Buffers)
        {
            if (!Memory.TryShare((int)(buffer.Address - ShadowedMemory.First), (int)buffer.Length, buffer.IsWritable ? Rights.Write : Rights.Read)) return false;
        }

        return true;
    }

    private void Doubt(RingFault fault)
    {
        if (Trust != RingTrust.Exact) return;
        (Trust, Fault) = (RingTrust.Bounds, fault);
        Memory.RevokeLatest();
        // What it has, it may still write.
        foreach (var chain in _lent.SelectMany(chains => chains))
        {
            if (!_named.TryName(chain.Chain)) Trust = RingTrust.None;
        }

        foreach (var chains in _lent) chains.Clear();
    }

    private void JudgeWrites()
    {
        int at = Memory.FindTrespass(_before);
        if (at < 0) return;
        var (rule, where) = Trespass(at);
        throw new BrokenInvariantException(rule, $"{_format.Name} writes {where}{(Trust == RingTrust.Exact ? "" : " after a fault")}",
            $"the device wrote to 0x{ShadowedMemory.First + (uint)at:x}, {where}, which no buffer names as writable");
    }

    private (string Rule, string Where) Trespass(int at)
    {
        const string Table = "a descriptor table";
        string beyond = _format.IsPacked ? "DESC-PACKED-15" : "DESC-SPLIT-09";
        if (_shown.Any(chain => chain.IsMixed && chain.IsReadFrom(at))) return (IndirectBehindDirect, "an indirect table behind direct descriptors");
        bool isInAreas = at < RingMachine.DriverArea || (at >= RingMachine.EventAreas && at < RingMachine.EventAreas + RingMachine.DriverArea);
        if (isInAreas && !_format.IsPacked && Memory.RightsAt(at) == Rights.Read) return ("SPLIT-DESC-D-04", Table);
        if (_shown.Any(chain => chain.IsReadFrom(at))) return (_format.IsPacked ? beyond : "SPLIT-DESC-D-04", Table);
        if (_shown.Any(chain => chain.Reads(at))) return (_format.IsPacked ? "PACKED-DESC-D-01" : "SPLIT-DESC-D-01", "a device-readable buffer");
        return (beyond, Memory.RightsAt(at) == Rights.Read ? "the driver's part of a ring" : "beside all buffers");
    }

    private void TakeUsed(int queue)
    {
        var (model, lent) = (_models[queue], _lent[queue]);
        while (model.TryReadUsed(out ushort id, out uint length))
        {
            int index = lent.FindIndex(chain => chain.Chain.Id == id);
            if (index < 0) throw Broken(UsedId, lent.Count == 0 ? "uses more than there is" : "uses another", $"the device uses a buffer, {id}, that it was not given or has used already");
            var chain = lent[index];
            lent.RemoveAt(index);
            model.Advance(1, chain.Chain.Entries);
            if (length > chain.Chain.Writable) throw Broken(UsedLength, "used length", $"the used length {length} exceeds the writable part of {chain.Chain.Writable} bytes");
            var reply = chain.Gather(Memory, isWritable: true);
            if (queue == EventQueue) JudgeReport(reply, length);
            else _returned.Add(new(chain, reply, model.UntoldLength is { } untold ? ReadUntold(reply, untold) : length));
        }
    }

    // Without the flag the length means nothing, unless it is the flag that is wrong.
    private uint ReadUntold(byte[] reply, uint length)
    {
        if (!reply.AsSpan().ContainsAnyExcept(GuardedBuffer.Poison)) return 0;
        Untold ??= Broken(UsedLength, "WRITE flag", "the device has written to a buffer, and leaves the WRITE flag out of the used descriptor");
        if (length == 0) Oracle.LoseTrack();
        return Math.Min(length, (uint)reply.Length);
    }

    private void JudgeReport(byte[] report, uint length)
    {
        if (report.Length < ReportSize) return;
        var judgement = Oracle.JudgeReport(report.AsSpan(0, ReportSize), length);
        if (judgement.IsDeviation) throw Deviation.From(judgement, "report");
    }

    private void Judge(in ReturnedChain returned)
    {
        bool isSure = !Oracle.IsUncertain;
        var judgement = Oracle.Judge(returned.Chain.Request, new AnswerView(returned.Reply, returned.Length));
        if (!judgement.IsDeviation) return;
        if (isSure) throw Deviation.From(judgement, returned.Chain.Class.Operation);
        _unsure++;
        Oracle.LoseTrack();
    }

    private void JudgeUnused(bool needsReset)
    {
        BrokenInvariantException? broken = null;
        foreach (var chain in _lent[RequestQueue])
        {
            bool isSure = !Oracle.IsUncertain;
            var judgement = Oracle.Judge(chain.Request, AnswerView.NotReturned);
            // Of a request that makes no sense in a chain that many devices make none of, one cannot tell which it was.
            bool isUnclear = !isSure || (chain.IsMixed && (chain.Class.IsOdd || chain.Class.Type == DecodedRequest.NoType));
            if (!judgement.IsDeviation || isUnclear || chain.Chain.Buffers.Length > FewBuffers)
            {
                Doubt();
                return;
            }

            string operation = chain.Class.Operation;
            if (chain.IsMixed)
                broken ??= Broken(IndirectBehindDirect, "", "the device does not serve a chain of direct descriptors with an indirect table behind them");
            else if (needsReset)
                broken ??= Deviation.From(judgement, operation);
            else
                broken ??= new(judgement.ClauseId, $"{operation} not used", $"{operation} breaks {judgement.ClauseId} ({judgement.Level}): it is neither used nor is a reset asked for");
        }

        if (broken is not null) throw broken;
    }

    private BrokenInvariantException Broken(string rule, string state, string message) => new(rule, $"{_format.Name} {state}".TrimEnd(), message);
}
