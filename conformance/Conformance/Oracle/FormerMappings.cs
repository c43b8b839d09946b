namespace Viommu.Conformance.Oracle;

/// <summary>Mappings that are gone, and the clause that says so: where an access still follows one, that is the clause it breaks.</summary>
internal sealed class FormerMappings
{
    private readonly Mapping[] last = new Mapping[32];
    private int recorded;

    public void Clear() => recorded = 0;

    public void Remember(in Mapping mapping, OracleClause clause) => last[recorded++ % last.Length] = mapping with { Suspect = clause };

    /// <summary>Takes note of all mappings of a world that fit, before they go.</summary>
    public void RememberDomain(World world, uint domain, OracleClause clause)
    {
        foreach (ref readonly var mapping in world.Mappings)
        {
            if (mapping.Domain == domain) Remember(mapping, clause);
        }
    }

    /// <summary>The clause that ended a mapping which leads from there to there; null where there was none.</summary>
    public OracleClause? WhyNot(ulong address, ulong physical)
    {
        foreach (ref readonly var mapping in last.AsSpan(0, Math.Min(recorded, last.Length)))
        {
            if (mapping.Overlaps(address, address) && mapping.Translate(address) == physical) return mapping.Suspect;
        }
        return null;
    }
}
