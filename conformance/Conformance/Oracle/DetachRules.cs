namespace Viommu.Conformance.Oracle;

/// <summary>IOMMU Device / Device operations / DETACH request.</summary>
internal static class DetachRules
{
    public static void Collect(DeviceFacts facts, World world, in DecodedRequest request, RuleSet rules)
    {
        var exists = facts.Exists(request.Endpoint);
        if (exists == false) rules.Demand(OracleClause.DetachD02, Answers.NoEnt);
        if (exists is null || !facts.IsDomain(request.Domain)) rules.Permit(OracleClause.Silence, Answers.AnyRejection);

        // "MAY set the status to INVAL" does not lift what a MUST says of endpoints that do not exist.
        var attachedTo = world.DomainOf(request.Endpoint);
        if (attachedTo == request.Domain || exists == false) return;

        // The device may say INVAL, so it may say anything. Whether the endpoint leaves the domain that it is in is open.
        rules.Permit(OracleClause.DetachD03, Answers.AnyStatus);
        var effects = attachedTo is null ? Effects.Unchanged : Effects.Unchanged | Effects.Departed;
        (rules.OnSuccess, rules.OnRejection, rules.OnDeviation) = (effects, effects, effects);
    }
}
