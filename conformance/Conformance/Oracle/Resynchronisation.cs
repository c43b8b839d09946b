using Viommu.Guest.Wire;

namespace Viommu.Conformance.Oracle;

/// <summary>Finds out which of two worlds the device is in, by a request whose answer tells, or after which both are the same.</summary>
internal static class Resynchronisation
{
    public static Request? Find(DeviceFacts facts, World one, World other) =>
        ForDomains(facts, one, other) ?? ForDomains(facts, other, one) ?? ForAttachments(one, other) ?? ForAttachments(other, one)
        ?? ForMappings(facts, one, other) ?? ForMappings(facts, other, one);

    /// <summary>A domain that is in one world only, or of another kind there: UNMAP where nothing is mapped tells, and does nothing.</summary>
    private static Request? ForDomains(DeviceFacts facts, World one, World other)
    {
        if (!facts.Has(Features.MapUnmap) || facts.Granule == 0) return null;
        foreach (var domain in one.Domains)
        {
            if (other.Domains.IndexOf(domain) < 0 && TryFindHole(facts, one, other, domain.Id, out var hole)) return new UnmapRequest(domain.Id, hole, hole + (facts.Granule - 1));
        }
        return null;
    }

    /// <summary>An endpoint that is attached in one world only: after a DETACH it is in neither.</summary>
    private static Request? ForAttachments(World one, World other)
    {
        foreach (var attachment in one.Attachments)
        {
            if (other.Attachments.IndexOf(attachment) < 0) return new DetachRequest(attachment.Domain, attachment.Endpoint);
        }
        return null;
    }

    /// <summary>A mapping that is in one world only: mapped again, it is there in both, and INVAL or OK tells where it was.</summary>
    private static Request? ForMappings(DeviceFacts facts, World one, World other)
    {
        if (!facts.Has(Features.MapUnmap)) return null;
        foreach (ref readonly var mapping in one.Mappings)
        {
            if (!other.Holds(mapping)) return new MapRequest(mapping.Domain, mapping.Start, mapping.End, mapping.Physical, mapping.Flags);
        }
        return null;
    }

    private static bool TryFindHole(DeviceFacts facts, World one, World other, uint domain, out ulong hole)
    {
        hole = facts.InputFirst;
        while (facts.IsAligned(hole) && hole <= facts.InputLast && facts.InputLast - hole >= facts.Granule - 1)
        {
            if ((LastInTheWay(one, domain, hole, facts.Granule) ?? LastInTheWay(other, domain, hole, facts.Granule)) is not { } blocked) return true;
            if (blocked == ulong.MaxValue) return false;
            hole = (blocked + facts.Granule) & ~(facts.Granule - 1);
            if (hole <= blocked) return false;
        }
        return false;
    }

    private static ulong? LastInTheWay(World world, uint domain, ulong first, ulong granule)
    {
        foreach (ref readonly var mapping in world.Mappings)
        {
            if (mapping.Domain == domain && mapping.Overlaps(first, first + (granule - 1))) return mapping.End;
        }
        return null;
    }
}
