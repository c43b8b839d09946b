using Viommu.Guest.Targets;

namespace Viommu.Conformance.Oracle;

/// <content>Accesses of endpoints: what became of one, and where one can get.</content>
public sealed partial class SpecOracle
{
    /// <summary>For <see cref="JudgeAccess"/>: the byte got nowhere.</summary>
    public const ulong Nowhere = ulong.MaxValue;

    /// <summary>For <see cref="JudgeAccess"/>: nobody could see where the byte got.</summary>
    public const ulong Unseen = ulong.MaxValue - 1;

    // Where each byte of the access being judged goes.
    private Reach[] reaches = new Reach[64];

    /// <summary>
    /// Judges an access of an endpoint. <paramref name="landed"/> has an entry for each byte: the guest-physical address that it was written
    /// to, or read from, or <see cref="Nowhere"/>, or <see cref="Unseen"/>. An access that is refused in part may be refused as a whole.
    /// </summary>
    public Judgement JudgeAccess(uint endpoint, ulong address, bool isWrite, ReadOnlySpan<ulong> landed)
    {
        if (IsLost) return new Judgement(JudgementKind.Unjudged, OracleClause.Silence);
        if (reaches.Length < landed.Length) reaches = new Reach[landed.Length];
        Judgement? weakest = null;
        var (isUnattached, isUnmapped) = (false, false);
        var kept = 0;
        for (var w = 0; w < count; w++)
        {
            var judgement = JudgeIn(worlds[w], endpoint, address, isWrite, landed, ref isUnattached, ref isUnmapped);
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
        faults.Note(endpoint, address, landed.Length, isUnattached, isUnmapped);
        if (kept > 0)
        {
            count = kept;
            return new Judgement(JudgementKind.Allowed, OracleClause.DescIommu13);
        }
        HasDeviated = true;
        return weakest!.Value;
    }

    /// <summary>
    /// What the text allows to become of an access in the state as it is, for people; what is judged next must not have been made yet.
    /// <paramref name="nameOf"/> names addresses of memory.
    /// </summary>
    public string AllowedAccess(uint endpoint, ulong address, bool isWrite, int length, Func<ulong, string> nameOf)
    {
        ArgumentNullException.ThrowIfNull(nameOf);
        var allowed = new List<string>();
        for (var w = 0; w < count && !IsLost; w++) allowed.Add(AllowedIn(worlds[w], endpoint, address, isWrite, length, nameOf));
        return string.Join("; or ", allowed.Distinct());
    }

    /// <summary>
    /// Where a byte of an access can arrive at, or come from, by the state as it is known: for who has to set memory up, and to know where to
    /// look. False where it is refused or open.
    /// </summary>
    public bool TryTranslate(uint endpoint, ulong address, bool isWrite, out ulong physical)
    {
        var reach = new DmaRules(Facts, worlds[0], endpoint).Of(address, isWrite);
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
            var dma = new DmaRules(Facts, worlds[w], endpoint);
            for (var i = 0; i < length; i++)
            {
                var reach = dma.Of(unchecked(address + (ulong)i), isWrite);
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
        var dma = new DmaRules(Facts, worlds[0], endpoint);
        if (Fits(memory.First)) (address, physical) = (memory.First, memory.First);
        foreach (ref readonly var mapping in worlds[0].Mappings)
        {
            if (mapping.Domain == domain && mapping.End - mapping.Start >= (ulong)length - 1 && Fits(mapping.Start)) (address, physical) = (mapping.Start, mapping.Physical);
        }
        return physical != 0;

        bool Fits(ulong at)
        {
            var first = dma.Of(at, isWrite: true);
            if (first.Kind != ReachKind.Arrives || first.Physical < memory.First || first.Physical > memory.Last - (ulong)length) return false;
            for (var i = 1; i < length; i++)
            {
                var reach = dma.Of(unchecked(at + (ulong)i), isWrite: true);
                if (reach.Kind != ReachKind.Arrives || reach.Physical != first.Physical + (ulong)i) return false;
            }
            return true;
        }
    }

    private string AllowedIn(World world, uint endpoint, ulong address, bool isWrite, int length, Func<ulong, string> nameOf)
    {
        var dma = new DmaRules(Facts, world, endpoint);
        var pieces = new List<(string What, int Bytes)>();
        var isRefusedInPart = false;
        for (var i = 0; i < length; i++)
        {
            var reach = Wraps(address, i) ? Reach.Free : dma.Of(address + (ulong)i, isWrite);
            // Bytes that follow each other to where they arrive are one piece, named by its first.
            var origin = reach.Kind == ReachKind.Arrives ? unchecked(reach.Physical - (ulong)(pieces.Count > 0 && isAfter(reach) ? pieces[^1].Bytes : 0)) : 0;
            var what = reach.Kind switch
            {
                ReachKind.Arrives => $"reached {nameOf(origin)} ({reach.Clause.Id()})",
                ReachKind.IsRefused => $"refused ({reach.Clause.Id()})",
                _ => "left open",
            };
            isRefusedInPart |= reach.Kind != ReachKind.Arrives;
            if (pieces.Count > 0 && pieces[^1].What == what) pieces[^1] = (what, pieces[^1].Bytes + 1);
            else pieces.Add((what, 1));

            bool isAfter(Reach next) => pieces[^1].What == $"reached {nameOf(unchecked(next.Physical - (ulong)pieces[^1].Bytes))} ({next.Clause.Id()})";
        }
        if (pieces.Count == 1) return pieces[0].What;
        var parts = string.Join(", ", pieces.Select(piece => FormattableString.Invariant($"{piece.Bytes} byte{(piece.Bytes == 1 ? "" : "s")} {piece.What}")));
        return isRefusedInPart ? $"{parts}, or refused as a whole" : parts;
    }

    private Judgement JudgeIn(World world, uint endpoint, ulong address, bool isWrite, ReadOnlySpan<ulong> landed, ref bool isUnattached, ref bool isUnmapped)
    {
        var dma = new DmaRules(Facts, world, endpoint);
        var isWhole = true;
        for (var i = 0; i < landed.Length; i++)
        {
            // No address follows the last one; whether an access goes on at 0 is nowhere said.
            var reach = Wraps(address, i) ? Reach.Free : dma.Of(address + (ulong)i, isWrite);
            reaches[i] = reach;
            if (reach.Kind == ReachKind.Arrives) continue;

            // Of what is open, a region in bypass mode for one, either reason can be the closest.
            isWhole = false;
            isUnattached |= reach.Kind == ReachKind.Open || !dma.IsAttached;
            isUnmapped |= reach.Kind == ReachKind.Open || dma.IsAttached;
        }
        for (var i = 0; i < landed.Length; i++)
        {
            ref readonly var reach = ref reaches[i];
            if (landed[i] == Unseen || reach.Kind == ReachKind.Open || (reach.Kind == ReachKind.Arrives && landed[i] == reach.Physical)) continue;
            if (landed[i] == Nowhere)
            {
                if (reach.Kind == ReachKind.Arrives && isWhole) return new Judgement(JudgementKind.Loss, reach.Clause);
            }
            else
            {
                return new Judgement(JudgementKind.Leak, LeakedBy(world, endpoint, address + (ulong)i, landed[i], reach));
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
        // It is allowed, and goes elsewhere: then it does not matter which request should have ended the mapping.
        if (reach.Kind == ReachKind.Arrives) return OracleClause.DescIommu13;
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
}
