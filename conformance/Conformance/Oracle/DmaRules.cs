using Viommu.Guest.Wire;

namespace Viommu.Conformance.Oracle;

/// <summary>What the text says of one byte of an access.</summary>
internal enum ReachKind : byte
{
    /// <summary>It gets to one address.</summary>
    Arrives,

    /// <summary>It gets nowhere.</summary>
    IsRefused,

    /// <summary>Either is allowed.</summary>
    Open,
}

/// <summary>Where one byte of an access goes.</summary>
/// <param name="Kind">Whether it goes anywhere.</param>
/// <param name="Physical">The guest-physical address that it arrives at, or that a mapping without the flag for it leads to.</param>
/// <param name="Clause">The clause that says so.</param>
internal readonly record struct Reach(ReachKind Kind, ulong Physical, OracleClause Clause)
{
    public static Reach Free { get; } = new(ReachKind.Open, 0, OracleClause.Silence);

    public static Reach Refused(OracleClause clause, ulong physical = 0) => new(ReachKind.IsRefused, physical, clause);
}

/// <summary>Translation (5.13.6 and 5.13.6.5): what an endpoint reaches in one world. What does not depend on the address is looked up once.</summary>
internal readonly struct DmaRules
{
    private readonly World world;
    private readonly EndpointFacts? known;
    private readonly uint? domain;
    private readonly bool isBypassed;

    public DmaRules(DeviceFacts facts, World world, uint endpoint)
    {
        this.world = world;
        known = facts.Find(endpoint);
        domain = world.DomainOf(endpoint);
        isBypassed = domain is { } id ? world.TryFindDomain(id, out var entry) && entry.IsBypass : BypassRules.CoversUnattached(facts, world);
    }

    /// <summary>The endpoint is attached to a domain.</summary>
    public bool IsAttached => domain is not null;

    /// <summary>What the text says of one byte.</summary>
    public Reach Of(ulong address, bool isWrite)
    {
        // An access of a device that is not known to be behind this IOMMU.
        if (known is null) return Reach.Free;
        var isReserved = known.Overlapping(address, address) is not null;
        // "All accesses are allowed", and accesses to a region "SHOULD NOT affect any other component": of the two, either is kept.
        if (isBypassed) return isReserved ? Reach.Free : new Reach(ReachKind.Arrives, address, IsAttached ? OracleClause.DescIommu11 : OracleClause.DescIommu06);
        return domain is { } id ? Translated(id, isReserved, address, isWrite) : Reach.Refused(isReserved ? OracleClause.ResvD05 : OracleClause.OpsD06);
    }

    private Reach Translated(uint id, bool isReserved, ulong address, bool isWrite)
    {
        foreach (ref readonly var mapping in world.Mappings)
        {
            if (mapping.Domain != id || !mapping.Overlaps(address, address)) continue;

            // A mapping over a region ought not to be there.
            if (isReserved) return Reach.Free;
            if ((mapping.Flags & (isWrite ? MapFlags.Write : MapFlags.Read)) != 0) return new Reach(ReachKind.Arrives, mapping.Translate(address), mapping.Suspect);

            // Of reads without READ the text says only what a device may do with WRITE alone.
            return isWrite ? Reach.Refused(OracleClause.MapD06, mapping.Translate(address)) : Reach.Free;
        }
        return Reach.Refused(isReserved ? OracleClause.ResvD05 : OracleClause.DescIommu13);
    }
}
