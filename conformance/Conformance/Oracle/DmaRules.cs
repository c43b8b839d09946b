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

/// <summary>Translation (5.13.6 and 5.13.6.5): what an endpoint reaches.</summary>
internal static class DmaRules
{
    public static Reach Of(DeviceFacts facts, World world, uint endpoint, ulong address, bool isWrite)
    {
        // An access of a device that is not known to be behind this IOMMU.
        if (facts.Find(endpoint) is not { } known) return Reach.Free;
        var region = known.Overlapping(address, address);
        if (world.DomainOf(endpoint) is not { } id)
        {
            if (!BypassRules.CoversUnattached(facts, world)) return Reach.Refused(region is null ? OracleClause.OpsD06 : OracleClause.ResvD05);
            return Identity(region, address, OracleClause.DescIommu06);
        }
        return world.TryFindDomain(id, out var domain) && domain.IsBypass
            ? Identity(region, address, OracleClause.DescIommu11)
            : Translated(world, id, region, address, isWrite);
    }

    // "All accesses are allowed", and accesses to a region "SHOULD NOT affect any other component": of the two, either is kept.
    private static Reach Identity(ReservedRegion? region, ulong address, OracleClause clause) =>
        region is null ? new Reach(ReachKind.Arrives, address, clause) : Reach.Free;

    private static Reach Translated(World world, uint domain, ReservedRegion? region, ulong address, bool isWrite)
    {
        foreach (ref readonly var mapping in world.Mappings)
        {
            if (mapping.Domain != domain || !mapping.Overlaps(address, address)) continue;

            // A mapping over a region ought not to be there.
            if (region is not null) return Reach.Free;
            if ((mapping.Flags & (isWrite ? MapFlags.Write : MapFlags.Read)) != 0) return new Reach(ReachKind.Arrives, mapping.Translate(address), mapping.Suspect);

            // Of reads without READ the text says only what a device may do with WRITE alone.
            return isWrite ? Reach.Refused(OracleClause.MapD06, mapping.Translate(address)) : Reach.Free;
        }
        return Reach.Refused(region is null ? OracleClause.DescIommu13 : OracleClause.ResvD05);
    }
}
