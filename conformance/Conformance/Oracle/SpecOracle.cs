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
public sealed partial class SpecOracle
{
    private const int MostWorlds = 16;

    private readonly RuleSet rules = new();
    private readonly FaultRules faults = new();
    private readonly FormerMappings former = new();
    private readonly World mark = new();
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

    /// <summary>The domains that exist for certain.</summary>
    internal ReadOnlySpan<DomainEntry> CertainDomains => IsUncertain || IsLost ? [] : worlds[0].Domains;

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

    /// <summary>Takes note of the state, which has to be certain, for <see cref="ReturnToMark"/>.</summary>
    public void Mark() => mark.CopyFrom(worlds[0]);

    /// <summary>The device is in the state of <see cref="Mark"/> again, with nothing left of what came before or after.</summary>
    public void ReturnToMark()
    {
        count = 1;
        (IsLost, HasDeviated) = (false, false);
        worlds[0].CopyFrom(mark);
        former.Clear();
        faults.Clear();
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
            if (rules.Allows(answer, out var effects, out var by))
            {
                (allowed, allowedBy) = (true, by);
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

    private void RememberAll(OracleClause clause)
    {
        for (var w = 0; w < count; w++)
        {
            foreach (ref readonly var mapping in worlds[w].Mappings) former.Remember(mapping, clause);
        }
    }
}
