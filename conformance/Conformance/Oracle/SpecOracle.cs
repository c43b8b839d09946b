using Viommu.Guest.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Oracle;

/// <summary>
/// The IOMMU chapter as an executable. It is shown everything that happens between a guest and a virtio-iommu, and says of each thing
/// whether the text allows it, and if not, which clause it breaks and how strongly that is worded. It shares no code with any device.
/// </summary>
/// <remarks>
/// <para>
/// Where the text leaves a choice with a consequence, the oracle does not guess: it keeps every state that the device can be in (a
/// <em>world</em>), drops those that do not fit what is seen next, and reports a deviation when none is left. A deviation is charged to the
/// weakest of the clauses that the worlds name. <see cref="IsUncertain"/> says that there are several, and <see cref="TryFindProbe"/> names a
/// request whose answer leaves fewer. Where the text does not even say what there is to choose from, the oracle is lost
/// (<see cref="IsLost"/>) and judges nothing until the device is reset.
/// </para>
/// <para>
/// How it is used: <see cref="Start"/> after DRIVER_OK; then <see cref="Judge"/> for each request that came back,
/// <see cref="JudgeAccess"/> for each access of an endpoint, <see cref="JudgeReport"/> for each event buffer, and
/// <see cref="JudgeBypass"/> whenever the <c>bypass</c> field is read, which has to happen after each write to it. A device reset is
/// another <see cref="Start"/>. None of these allocates once the lists have grown to their size, so that a fuzzer can call them on each
/// execution; <see cref="Explain"/> and <see cref="TryFindProbe"/> may allocate.
/// </para>
/// </remarks>
public sealed class SpecOracle
{
    /// <summary>For <see cref="JudgeAccess"/>: the byte got nowhere.</summary>
    public const ulong Nowhere = ulong.MaxValue;

    /// <summary>For <see cref="JudgeAccess"/>: nobody could see where the byte got.</summary>
    public const ulong Unseen = ulong.MaxValue - 1;

    private const int MostWorlds = 16;

    private readonly RuleSet rules = new();
    private readonly FaultRules faults = new();
    private readonly FormerMappings former = new();
    private World[] worlds = NewWorlds();
    private World[] next = NewWorlds();
    private int count;
    private int nextCount;

    /// <summary>An oracle for a device of which a driver has found out these facts, and that has just been initialised.</summary>
    public SpecOracle(DeviceFacts facts)
    {
        Facts = facts;
        Start(facts, facts.InitialBypass);
    }

    /// <summary>What does not change while a driver runs.</summary>
    public DeviceFacts Facts { get; private set; }

    /// <summary>True while the device can be in more than one state.</summary>
    public bool IsUncertain => count > 1;

    /// <summary>True while nothing is known of the device's state, so that nothing is judged.</summary>
    public bool IsLost { get; private set; }

    /// <summary>True once something since the start has broken a clause: from then on the state is a guess.</summary>
    public bool HasDeviated { get; private set; }

    /// <summary>The state that the device is in; of several, one.</summary>
    internal World Known => worlds[0];

    /// <summary>
    /// Something has happened that the text says nothing about, such as a write to a field that is no driver's to write, and the device has
    /// stopped: nothing is judged until a reset.
    /// </summary>
    public void LoseTrack() => IsLost = true;

    /// <summary>A driver has initialised the device after a device reset: no endpoint is attached, nothing is mapped.</summary>
    /// <param name="facts">What it found and accepted.</param>
    /// <param name="bypass">The <c>bypass</c> field as it reads now.</param>
    public void Start(DeviceFacts facts, bool bypass)
    {
        // Mappings made before the reset have no way to be there: whatever still follows one breaks that.
        if (count > 0 && !IsLost) RememberAll(OracleClause.DescIommu01);
        else former.Clear();
        Facts = facts;
        (count, nextCount) = (1, 0);
        (IsLost, HasDeviated) = (false, false);
        worlds[0].Clear();
        worlds[0].Bypass = bypass;
        faults.Clear();
    }

    /// <summary>Forgets everything, also what came before the last <see cref="Start"/>: for another device.</summary>
    public void Restart(DeviceFacts facts, bool bypass)
    {
        count = 0;
        Start(facts, bypass);
    }

    /// <summary>Judges a request that came back, and takes over what it did.</summary>
    public Judgement Judge(in RequestView request, in AnswerView answer)
    {
        if (IsLost) return new Judgement(JudgementKind.Unjudged, OracleClause.Silence);
        var decoded = DecodedRequest.From(request, Facts);
        var seen = AnswerOf(decoded, answer);
        var judgement = Follow(decoded, seen);
        if (judgement.IsDeviation) return Narrowed(judgement, answer);
        var content = Content(decoded, seen, answer);
        if (content == OracleClause.Silence) return judgement;
        HasDeviated = true;
        return new Judgement(JudgementKind.Bytes, content, seen);
    }

    /// <summary>
    /// Judges an access of an endpoint. <paramref name="landed"/> has an entry for each byte: the guest-physical address that it was written
    /// to, or read from, or <see cref="Nowhere"/>, or <see cref="Unseen"/>. An access that is refused in part may be refused as a whole.
    /// </summary>
    public Judgement JudgeAccess(uint endpoint, ulong address, bool isWrite, ReadOnlySpan<ulong> landed)
    {
        if (IsLost) return new Judgement(JudgementKind.Unjudged, OracleClause.Silence);
        NoteAccess(endpoint, address, landed.Length, isWrite);
        Judgement? weakest = null;
        var kept = 0;
        for (var w = 0; w < count; w++)
        {
            var judgement = JudgeIn(worlds[w], endpoint, address, isWrite, landed);
            if (!judgement.IsDeviation)
            {
                (worlds[kept], worlds[w]) = (worlds[w], worlds[kept]);
                kept++;
            }
            else if (weakest is null || judgement.Level > weakest.Value.Level)
            {
                weakest = judgement;
            }
        }
        if (kept > 0)
        {
            count = kept;
            return new Judgement(JudgementKind.Allowed, OracleClause.DescIommu13);
        }
        HasDeviated = true;
        return weakest!.Value;
    }

    /// <summary>Judges an event buffer that came back.</summary>
    public Judgement JudgeReport(ReadOnlySpan<byte> buffer, uint usedLength)
    {
        // Accesses are not taken note of while it is lost.
        if (IsLost) return new Judgement(JudgementKind.Unjudged, OracleClause.Silence);
        var broken = faults.Judge(buffer, usedLength, Facts);
        return broken == OracleClause.Silence ? new Judgement(JudgementKind.Allowed, broken) : new Judgement(JudgementKind.Report, broken);
    }

    /// <summary>Judges the features that the device offers. That BYPASS is superseded (IOMMU-FEAT-D-02) binds new devices alone, which one cannot see of it.</summary>
    public Judgement JudgeOffer()
    {
        var broken = !Facts.Offers(Features.MapUnmap) ? OracleClause.FeatD01
            : Facts.Offers(Features.Bypass | Features.BypassConfig) ? OracleClause.FeatD03
            : OracleClause.Silence;
        return broken == OracleClause.Silence ? new Judgement(JudgementKind.Allowed, broken) : new Judgement(JudgementKind.Field, broken);
    }

    /// <summary>
    /// Judges the <c>bypass</c> field as it was read, and takes its value over. <paramref name="expected"/> is the value that it has to have
    /// kept or regained by <paramref name="clause"/>; null after a write of the driver, which decides by what is read back.
    /// </summary>
    public Judgement JudgeBypass(byte read, bool? expected = null, OracleClause clause = OracleClause.CfgD04)
    {
        for (var w = 0; w < count; w++) worlds[w].Bypass = (read & 1) != 0;
        var broken = BypassRules.Reading(read);
        if (broken == OracleClause.Silence && expected is { } value && value != (read == 1)) broken = clause;
        return broken == OracleClause.Silence ? new Judgement(JudgementKind.Allowed, broken) : new Judgement(JudgementKind.Field, broken);
    }

    /// <summary>
    /// Where a byte of an access can arrive at, or come from, by the state as it is known: for who has to set memory up, and to know where to
    /// look. False where it is refused or open.
    /// </summary>
    public bool TryTranslate(uint endpoint, ulong address, bool isWrite, out ulong physical)
    {
        var reach = DmaRules.Of(Facts, worlds[0], endpoint, address, isWrite);
        physical = reach.Physical;
        return !IsLost && reach.Kind == ReachKind.Arrives;
    }

    /// <summary>
    /// Whether an access can arrive outside of <paramref name="memory"/>, in any world: where it cannot be seen, or does harm to who makes it.
    /// </summary>
    public bool MayLeave(uint endpoint, ulong address, int length, bool isWrite, AddressWindow memory)
    {
        for (var w = 0; w < count; w++)
        {
            for (var i = 0; i < length; i++)
            {
                var reach = DmaRules.Of(Facts, worlds[w], endpoint, unchecked(address + (ulong)i), isWrite);
                if (reach.Kind == ReachKind.Open && !IsHarmless(worlds[w], endpoint, unchecked(address + (ulong)i), memory)) return true;
                if (reach.Kind == ReachKind.Arrives && (reach.Physical < memory.First || reach.Physical > memory.Last)) return true;
            }
        }
        return false;
    }

    /// <summary>Finds addresses at which an endpoint can certainly store so many bytes into <paramref name="memory"/>.</summary>
    public bool TryFindWindow(uint endpoint, int length, AddressWindow memory, out ulong address, out ulong physical)
    {
        (address, physical) = (0, 0);
        if (IsUncertain || IsLost) return false;
        var domain = worlds[0].DomainOf(endpoint);
        if (Fits(memory.First)) (address, physical) = (memory.First, memory.First);
        foreach (ref readonly var mapping in worlds[0].Mappings)
        {
            if (mapping.Domain == domain && mapping.End - mapping.Start >= (ulong)length - 1 && Fits(mapping.Start)) (address, physical) = (mapping.Start, mapping.Physical);
        }
        return physical != 0;

        bool Fits(ulong at)
        {
            var first = DmaRules.Of(Facts, worlds[0], endpoint, at, isWrite: true);
            if (first.Kind != ReachKind.Arrives || first.Physical < memory.First || first.Physical > memory.Last - (ulong)length) return false;
            for (var i = 1; i < length; i++)
            {
                var reach = DmaRules.Of(Facts, worlds[0], endpoint, unchecked(at + (ulong)i), isWrite: true);
                if (reach.Kind != ReachKind.Arrives || reach.Physical != first.Physical + (ulong)i) return false;
            }
            return true;
        }
    }

    /// <summary>The clause that says what would have had to become of a request which was the end of the device.</summary>
    public OracleClause BrokenByDeath(in RequestView request)
    {
        if (IsLost) return OracleClause.OpsD01;
        var decoded = DecodedRequest.From(request, Facts);
        OperationRules.Collect(Facts, worlds[0], decoded, rules);
        return rules.BrokenBy(Answers.NotReturned);
    }

    /// <summary>Every outcome that the text allows for a request in the state as it is, for people.</summary>
    public IReadOnlyList<AllowedOutcome> Explain(in RequestView request)
    {
        var outcomes = new List<AllowedOutcome>();
        if (IsLost) return outcomes;
        var decoded = DecodedRequest.From(request, Facts);
        for (var w = 0; w < count; w++)
        {
            OperationRules.Collect(Facts, worlds[w], decoded, rules);
            for (var bit = 0; bit <= 11; bit++)
            {
                var answer = (Answers)(1 << bit);
                if (rules.Allows(answer, out var effects, out var by)) outcomes.Add(new AllowedOutcome(answer.Describe(), by.Id(), effects.ToString()));
            }
        }
        return [.. outcomes.Distinct()];
    }

    /// <summary>The answers that would have been allowed for a request, joined for people; what is judged next must not have been sent yet.</summary>
    public string Allowed(in RequestView request)
    {
        var decoded = DecodedRequest.From(request, Facts);
        var allowed = Answers.None;
        for (var w = 0; w < count; w++)
        {
            OperationRules.Collect(Facts, worlds[w], decoded, rules);
            allowed |= rules.Allowed;
        }
        return allowed.Describe();
    }

    /// <summary>A request after which the device can be in fewer states than now, whatever it answers; false where one state is left.</summary>
    public bool TryFindProbe(out Request? probe)
    {
        probe = IsUncertain && !IsLost ? Resynchronisation.Find(Facts, worlds[0], worlds[1]) : null;
        return probe is not null;
    }

    private static World[] NewWorlds() => [.. Enumerable.Range(0, MostWorlds).Select(_ => new World())];

    private static Answers AnswerOf(in DecodedRequest request, in AnswerView seen)
    {
        if (seen.IsNotReturned) return Answers.NotReturned;
        if (request.Shape == RequestShape.WithoutTail || !request.IsKnownType)
        {
            if (seen.UsedLength == 0 && seen.Reply.IndexOfAnyExcept(seen.Poison) < 0) return Answers.Unwritten;
            return request.Shape == RequestShape.WithoutTail || seen.Reply[0] == seen.Poison ? Answers.Unnamed : AnswerNames.Of(seen.Reply[0]);
        }
        if (seen.UsedLength > (uint)request.TailOffset) return AnswerNames.Of(seen.Reply[request.TailOffset]);

        // A refused PROBE may leave properties and tail out of the used length. An OK that a driver is not to look at is none.
        var status = request.Type == RequestType.Probe && seen.Reply[request.TailOffset] != seen.Poison ? AnswerNames.Of(seen.Reply[request.TailOffset]) : Answers.Unwritten;
        return status == Answers.Ok ? Answers.Unwritten : status;
    }

    /// <summary>Of the two clauses on requests that are not recognised, the one that was broken: on the buffer, or on the used length alone.</summary>
    private static Judgement Narrowed(in Judgement judgement, in AnswerView seen)
    {
        if (seen.IsNotReturned || seen.Reply.IndexOfAnyExcept(seen.Poison) >= 0) return judgement;
        return judgement.Clause switch
        {
            OracleClause.OpsD02 => judgement with { Clause = OracleClause.OpsD03 },
            OracleClause.ProbeD03 => judgement with { Clause = OracleClause.ProbeD04 },
            _ => judgement,
        };
    }

    /// <summary>What is wrong with the bytes of an answer whose status is right.</summary>
    private OracleClause Content(in DecodedRequest request, Answers answer, in AnswerView seen)
    {
        if (request.Shape is not (RequestShape.Whole or RequestShape.LongReadable) || !request.IsKnownType || (answer & Answers.AnyStatus) == 0) return OracleClause.Silence;
        var tail = seen.Reply[request.TailOffset..];
        if (tail[1..4].IndexOfAnyExcept((byte)0, seen.Poison) >= 0) return OracleClause.OpsD05;
        var told = seen.Reply[..(int)Math.Min(seen.UsedLength, (uint)seen.Reply.Length)];
        if (told.Length > request.TailOffset + 1 && tail[1..Math.Min(4, told.Length - request.TailOffset)].Contains(seen.Poison)) return OracleClause.OpsD05;
        if (request.Type != RequestType.Probe) return OracleClause.Silence;
        if (IsLeftOut(told, seen.Poison)) return OracleClause.UsedLength;
        return ProbeRules.Content(Facts, request, answer, seen);
    }

    // Eight bytes of poison in a row are no value, but bytes that were counted and not written.
    private static bool IsLeftOut(ReadOnlySpan<byte> told, byte poison)
    {
        Span<byte> run = stackalloc byte[8];
        run.Fill(poison);
        return told.IndexOf(run) >= 0;
    }

    private Judgement Follow(in DecodedRequest request, Answers answer)
    {
        OracleClause? weakest = null;
        var allowedBy = OracleClause.Silence;
        var (allowed, deviant) = (false, 0);
        var afterDeviation = Effects.None;
        nextCount = 0;
        for (var w = 0; w < count; w++)
        {
            OperationRules.Collect(Facts, worlds[w], request, rules);
            if (rules.Allows(answer, out var effects, out allowedBy))
            {
                allowed = true;
                if (answer == Answers.NotReturned) effects |= Effects.Unknowable;
                if (count == 1 && TryApplyInPlace(request, effects)) return new Judgement(JudgementKind.Allowed, allowedBy, answer);
                Branch(worlds[w], request, effects);
                continue;
            }
            var broken = rules.BrokenBy(answer);
            if (weakest is not null && broken.Level() <= weakest.Value.Level()) continue;
            (weakest, deviant, afterDeviation) = (broken, w, rules.AfterDeviation(answer));
        }
        if (!allowed) Branch(worlds[deviant], request, afterDeviation);
        (worlds, next) = (next, worlds);
        count = nextCount;
        if (allowed) return new Judgement(JudgementKind.Allowed, allowedBy, answer);
        HasDeviated = true;
        return new Judgement(JudgementKind.Answer, weakest!.Value, answer);
    }

    private bool TryApplyInPlace(in DecodedRequest request, Effects effects)
    {
        if ((effects & (effects - 1)) != 0 || effects == Effects.Unknowable) return false;
        Transition.Apply(worlds[0], request, effects, former);
        return true;
    }

    private void Branch(World from, in DecodedRequest request, Effects effects)
    {
        if ((effects & Effects.Unknowable) != 0) IsLost = true;
        for (var bit = 1; bit < (int)Effects.Unknowable; bit <<= 1)
        {
            if (((int)effects & bit) == 0) continue;
            if (nextCount == MostWorlds)
            {
                IsLost = true;
                return;
            }
            var world = next[nextCount];
            world.CopyFrom(from);
            Transition.Apply(world, request, (Effects)bit, former);
            if (IsNew(world)) nextCount++;
        }
        if (nextCount == 0) next[nextCount++].CopyFrom(from);
    }

    private bool IsNew(World world)
    {
        for (var i = 0; i < nextCount; i++)
        {
            if (next[i].SameAs(world)) return false;
        }
        return true;
    }

    private Judgement JudgeIn(World world, uint endpoint, ulong address, bool isWrite, ReadOnlySpan<ulong> landed)
    {
        var isWhole = true;
        for (var i = 0; i < landed.Length && isWhole; i++)
            isWhole = Wraps(address, i) ? false : DmaRules.Of(Facts, world, endpoint, address + (ulong)i, isWrite).Kind == ReachKind.Arrives;
        for (var i = 0; i < landed.Length; i++)
        {
            if (landed[i] == Unseen) continue;
            var at = unchecked(address + (ulong)i);

            // No address follows the last one; whether an access goes on at 0 is nowhere said.
            if (Wraps(address, i)) continue;
            var reach = DmaRules.Of(Facts, world, endpoint, at, isWrite);
            if (reach.Kind == ReachKind.Open || (reach.Kind == ReachKind.Arrives && landed[i] == reach.Physical)) continue;
            if (landed[i] == Nowhere)
            {
                if (reach.Kind == ReachKind.Arrives && isWhole) return new Judgement(JudgementKind.Loss, reach.Clause);
            }
            else
            {
                return new Judgement(JudgementKind.Leak, LeakedBy(world, endpoint, at, landed[i], reach));
            }
        }
        return new Judgement(JudgementKind.Allowed, OracleClause.DescIommu13);
    }

    /// <summary>An access that is left open, where all that it can lead to is seen: by a mapping, or by identity.</summary>
    private static bool IsHarmless(World world, uint endpoint, ulong address, AddressWindow memory)
    {
        foreach (ref readonly var mapping in world.Mappings)
        {
            if (mapping.Domain != world.DomainOf(endpoint) || !mapping.Overlaps(address, address)) continue;
            var physical = mapping.Translate(address);
            return physical >= memory.First && physical <= memory.Last;
        }
        return address >= memory.First && address <= memory.Last;
    }

    private static bool Wraps(ulong address, int offset) => unchecked(address + (ulong)offset) < address;

    /// <summary>The clause that says that the byte has no business there: the one that ended the way it took, where there was one.</summary>
    private OracleClause LeakedBy(World world, uint endpoint, ulong address, ulong physical, in Reach reach)
    {
        if (reach.Clause == OracleClause.ResvD05 || (reach.Clause == OracleClause.MapD06 && reach.Physical == physical)) return reach.Clause;
        if (IsBesideMapping(world, endpoint, address, physical)) return OracleClause.DescIommu13;
        if (former.WhyNot(address, physical) is { } ended) return ended;
        foreach (ref readonly var mapping in world.Mappings)
        {
            if (!mapping.Overlaps(address, address) || mapping.Translate(address) != physical) continue;
            return world.DomainOf(endpoint) is null ? OracleClause.DetachD04 : OracleClause.DescIommu10;
        }
        return reach.Clause == OracleClause.MapD06 ? OracleClause.DescIommu13 : reach.Clause;
    }

    /// <summary>True where a mapping that the endpoint has goes on past one of its ends.</summary>
    private static bool IsBesideMapping(World world, uint endpoint, ulong address, ulong physical)
    {
        const ulong Near = 64;
        foreach (ref readonly var mapping in world.Mappings)
        {
            if (mapping.Domain != world.DomainOf(endpoint) || mapping.Translate(address) != physical) continue;
            if (unchecked(mapping.Start - address) - 1 < Near || unchecked(address - mapping.End) - 1 < Near) return true;
        }
        return false;
    }

    private void NoteAccess(uint endpoint, ulong address, int length, bool isWrite)
    {
        var (unattached, unmapped) = (false, false);
        for (var w = 0; w < count; w++)
        {
            for (var i = 0; i < length; i++)
            {
                var reach = Wraps(address, i) ? ReachKind.Open : DmaRules.Of(Facts, worlds[w], endpoint, address + (ulong)i, isWrite).Kind;
                if (reach == ReachKind.Arrives) continue;

                // Of what is open, a region in bypass mode for one, either reason can be the closest.
                unattached |= reach == ReachKind.Open || worlds[w].DomainOf(endpoint) is null;
                unmapped |= reach == ReachKind.Open || worlds[w].DomainOf(endpoint) is not null;
            }
        }
        faults.Note(endpoint, address, length, unattached, unmapped);
    }

    private void RememberAll(OracleClause clause)
    {
        for (var w = 0; w < count; w++)
        {
            foreach (ref readonly var mapping in worlds[w].Mappings) former.Remember(mapping, clause);
        }
    }
}
