using Viommu.Guest.Wire;

namespace Viommu.Conformance.Oracle;

/// <summary>What a request does to a world, once it is known what it did.</summary>
internal static class Transition
{
    /// <summary>Applies one effect; what it takes away is kept in <paramref name="former"/> with the clause that says that it is gone.</summary>
    public static void Apply(World world, in DecodedRequest request, Effects effect, FormerMappings former)
    {
        switch (effect)
        {
            case Effects.Performed or Effects.PerformedWithoutBypass:
                Perform(world, request, effect == Effects.Performed, former);
                break;
            case Effects.Replaced:
                world.Unmap(request.Domain, request.VirtStart, request.VirtEnd);
                Perform(world, request, isBypassHeeded: true, former);
                break;
            case Effects.Departed:
                Leave(world, request.Endpoint, OracleClause.DescIommu12, former);
                break;
            case Effects.Renewed when world.DomainOf(request.Endpoint) is { } domain:
                Leave(world, request.Endpoint, OracleClause.DescIommu12, former);
                world.Attach(request.Endpoint, domain, IsBypassAsked(request));
                break;
            case Effects.Unchanged when request.Type == RequestType.Unmap && request.IsComplete && UnmapRules.Splits(world, request):
                // Nothing shows yet whether the device kept what it was asked to take apart.
                world.Suspect(request.Domain, request.VirtStart, request.VirtEnd, OracleClause.UnmapD06);
                break;
        }
    }

    private static void Perform(World world, in DecodedRequest request, bool isBypassHeeded, FormerMappings former)
    {
        switch (request.Type)
        {
            case RequestType.Attach:
                if (world.DomainOf(request.Endpoint) == request.Domain) break;
                Remember(world, request.Endpoint, OracleClause.AttachD08, former);
                world.Attach(request.Endpoint, request.Domain, isBypassHeeded && IsBypassAsked(request));
                break;
            case RequestType.Detach:
                if (world.DomainOf(request.Endpoint) == request.Domain) Leave(world, request.Endpoint, OracleClause.DetachD04, former);
                break;
            case RequestType.Map:
                if (world.TryFindDomain(request.Domain, out _))
                    world.Map(new Mapping(request.Domain, request.VirtStart, request.VirtEnd, request.PhysStart, request.Flags));
                break;
            case RequestType.Unmap:
                foreach (ref readonly var mapping in world.Mappings)
                {
                    if (mapping.Domain == request.Domain && mapping.Overlaps(request.VirtStart, request.VirtEnd)) former.Remember(mapping, OracleClause.UnmapD07);
                }
                world.Unmap(request.Domain, request.VirtStart, request.VirtEnd);
                break;
        }
    }

    private static bool IsBypassAsked(in DecodedRequest request) => (request.Flags & AttachRequest.BypassFlag) != 0;

    private static void Leave(World world, uint endpoint, OracleClause clause, FormerMappings former)
    {
        Remember(world, endpoint, clause, former);
        world.Detach(endpoint);
    }

    private static void Remember(World world, uint endpoint, OracleClause clause, FormerMappings former)
    {
        if (world.DomainOf(endpoint) is { } domain) former.RememberDomain(world, domain, clause);
    }
}
