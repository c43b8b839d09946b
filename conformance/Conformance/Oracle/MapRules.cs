using Viommu.Guest.Wire;

namespace Viommu.Conformance.Oracle;

/// <summary>IOMMU Device / Device operations / MAP request.</summary>
internal static class MapRules
{
    private const uint Defined = MapFlags.Read | MapFlags.Write | MapFlags.Mmio;

    public static void Collect(DeviceFacts facts, World world, in DecodedRequest request, RuleSet rules)
    {
        var (start, end) = (request.VirtStart, request.VirtEnd);
        if ((request.Flags & ~Defined) != 0) rules.Demand(OracleClause.MapD03, Answers.Inval);
        if (IsAnyRefusalFine(facts, request)) rules.Permit(OracleClause.Silence, Answers.AnyRejection);

        if (!facts.IsAligned(start | unchecked(end + 1) | request.PhysStart)) rules.Demand(OracleClause.MapD01, Answers.Range);

        // A range that ends before it starts is mentioned nowhere; what OK to one means, nobody knows.
        if (end < start)
        {
            rules.OnSuccess = Effects.Unknowable;
            rules.OnDeviation = Effects.Unchanged | Effects.Unknowable;
        }
        else if (!facts.IsInput(start, end))
        {
            rules.Demand(OracleClause.DescIommu04, Answers.AnyRejection);
        }

        if (!world.TryFindDomain(request.Domain, out var domain))
        {
            rules.Demand(OracleClause.MapD04, Answers.NoEnt);
            rules.OnDeviation = Effects.Unchanged;
        }
        else if (domain.IsBypass)
        {
            rules.Demand(OracleClause.MapD05, Answers.Inval);
            rules.OnDeviation = Effects.Unchanged;
        }
        else if (end >= start)
        {
            Translating(facts, world, request, rules);
        }
    }

    private static void Translating(DeviceFacts facts, World world, in DecodedRequest request, RuleSet rules)
    {
        // "The least significant bit set defines the page granularity": one such page can be mapped.
        if (request.VirtEnd - request.VirtStart == facts.Granule - 1 && request.VirtEnd > request.VirtStart) rules.Discourage(OracleClause.DescIommu03, Answers.Range);

        OracleClause? overlap = null;
        foreach (ref readonly var mapping in world.Mappings)
        {
            if (mapping.Domain != request.Domain || !mapping.Overlaps(request.VirtStart, request.VirtEnd)) continue;
            if (overlap is null || mapping.Suspect == OracleClause.DescIommu13) overlap = mapping.Suspect;
        }
        if (overlap is { } suspect)
        {
            // Where all mappings in the way are suspected to be gone, it is for that reason that the range is free.
            rules.Demand(suspect == OracleClause.DescIommu13 ? OracleClause.MapD02 : suspect, Answers.Inval);
            rules.OnDeviation = Effects.Unchanged | Effects.Replaced;
        }
        Reserved(facts, world, request, rules);
    }

    /// <summary>Regions are per endpoint, mappings per domain, so those of every attached endpoint count.</summary>
    private static void Reserved(DeviceFacts facts, World world, in DecodedRequest request, RuleSet rules)
    {
        var (isReserved, isDoorbell, isUnknown) = (false, false, !facts.Offers(Features.Probe));
        foreach (var attachment in world.Attachments)
        {
            if (attachment.Domain != request.Domain) continue;
            var endpoint = facts.Find(attachment.Endpoint);
            isUnknown |= endpoint is null;
            if (endpoint?.Overlapping(request.VirtStart, request.VirtEnd) is not { } region) continue;
            isDoorbell |= region.Subtype == ReservedRegion.MsiSubtype;
            isReserved |= region.Subtype != ReservedRegion.MsiSubtype;
        }
        if (isReserved) rules.Demand(OracleClause.ResvD04, Answers.AnyRejection);
        if (isDoorbell) rules.Demand(OracleClause.DescIommu15, Answers.AnyRejection);

        // What a device reserves for an endpoint that cannot be probed, it has no way to tell.
        if (isUnknown) rules.Permit(OracleClause.Silence, Answers.AnyRejection);
    }

    /// <summary>Requests that the text leaves every device free to refuse, though it need not.</summary>
    private static bool IsAnyRefusalFine(DeviceFacts facts, in DecodedRequest request)
    {
        // Which combinations of flags there are depends on the underlying architecture.
        if ((request.Flags & Defined) is not (MapFlags.Read or (MapFlags.Read | MapFlags.Write))) return true;
        if (!facts.IsDomain(request.Domain)) return true;

        // A driver MUST keep virt_end above virt_start, even where the granule is a byte.
        if (request.VirtEnd <= request.VirtStart) return true;

        // What is guest-physical address space, only the platform knows.
        var length = request.VirtEnd - request.VirtStart;
        var (first, last) = (request.PhysStart, unchecked(request.PhysStart + length));
        return last < first || first < facts.Ram.First || last > facts.Ram.Last;
    }
}
