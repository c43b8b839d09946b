namespace Viommu.Conformance.Oracle;

/// <summary>IOMMU Device / Device operations / UNMAP request.</summary>
internal static class UnmapRules
{
    public static void Collect(DeviceFacts facts, World world, in DecodedRequest request, RuleSet rules)
    {
        var (start, end) = (request.VirtStart, request.VirtEnd);
        if (request.IsReservedDirty) rules.Permit(OracleClause.UnmapD01, Answers.Inval, Effects.Unchanged | Effects.Performed);

        // Drivers have to keep to the ranges; of a device that is asked for more, or for a range that ends before it starts, the text says nothing.
        if (end < start || !facts.IsDomain(request.Domain) || !facts.IsInput(start, end) || !facts.IsAligned(start | unchecked(end + 1)))
            rules.Permit(OracleClause.Silence, Answers.AnyRejection);

        if (!world.TryFindDomain(request.Domain, out var domain))
        {
            rules.Demand(OracleClause.UnmapD03, Answers.NoEnt);
            rules.OnDeviation = Effects.Unchanged;
            return;
        }
        if (domain.IsBypass)
        {
            rules.Demand(OracleClause.UnmapD04, Answers.Inval);
            rules.OnDeviation = Effects.Unchanged;
            return;
        }
        if (end < start)
        {
            rules.Permit(OracleClause.Silence, Answers.AnyRejection);
            rules.OnSuccess = HasMappings(world, request.Domain) ? Effects.Unknowable : Effects.Unchanged;
            rules.OnDeviation = Effects.Unchanged;
            return;
        }

        if (Splits(world, request))
        {
            rules.Demand(OracleClause.UnmapD05, Answers.Range);
            rules.OnDeviation = Effects.Unchanged | Effects.Unknowable;
        }
        else if (!IsCovered(world, request))
        {
            rules.Expectation = OracleClause.UnmapD07;
        }
    }

    /// <summary>True where a mapping reaches into the range and out of it.</summary>
    public static bool Splits(World world, in DecodedRequest request)
    {
        foreach (ref readonly var mapping in world.Mappings)
        {
            if (mapping.Domain == request.Domain && mapping.Overlaps(request.VirtStart, request.VirtEnd)
                && (mapping.Start < request.VirtStart || mapping.End > request.VirtEnd)) return true;
        }
        return false;
    }

    /// <summary>True where no address of the range is without a mapping: the mappings inside it, laid end to end, are as long as it is.</summary>
    private static bool IsCovered(World world, in DecodedRequest request)
    {
        var covered = UInt128.Zero;
        foreach (ref readonly var mapping in world.Mappings)
        {
            if (mapping.Domain == request.Domain && mapping.Overlaps(request.VirtStart, request.VirtEnd)) covered += (UInt128)(mapping.End - mapping.Start) + 1;
        }
        return covered == (UInt128)(request.VirtEnd - request.VirtStart) + 1;
    }

    private static bool HasMappings(World world, uint domain)
    {
        foreach (ref readonly var mapping in world.Mappings)
        {
            if (mapping.Domain == domain) return true;
        }
        return false;
    }
}
