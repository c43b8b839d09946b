using Viommu.Guest.Wire;

namespace Viommu.Conformance.Oracle;

/// <summary>IOMMU Device / Device operations / ATTACH request.</summary>
internal static class AttachRules
{
    public static void Collect(DeviceFacts facts, World world, in DecodedRequest request, RuleSet rules)
    {
        if (request.IsReservedDirty) rules.Demand(OracleClause.AttachD01, Answers.Inval);
        if ((request.Flags & ~AttachRequest.BypassFlag) != 0) rules.Demand(OracleClause.AttachD02, Answers.Inval);
        var asksForBypass = (request.Flags & AttachRequest.BypassFlag) != 0;

        // The flag took the place of a reserved byte. Without its feature it may be recognised, rejected or not looked at.
        var flagIsOpen = asksForBypass && !facts.Has(Features.BypassConfig);
        if (flagIsOpen)
        {
            rules.Permit(OracleClause.Silence, Answers.AnyRejection);
            rules.OnSuccess |= Effects.PerformedWithoutBypass;
        }

        var exists = facts.Exists(request.Endpoint);
        if (exists == false) rules.Demand(OracleClause.AttachD03, Answers.NoEnt);
        if (exists is null) rules.Permit(OracleClause.Silence, Answers.AnyRejection);
        if (!facts.IsDomain(request.Domain)) rules.Permit(OracleClause.Silence, Answers.AnyRejection);

        var attachedTo = world.DomainOf(request.Endpoint);
        var isMove = attachedTo is { } other && other != request.Domain;
        if (isMove)
        {
            // A move is a DETACH and an ATTACH: where the second is refused, whether the first was done is open.
            rules.Expectation = OracleClause.AttachD09;
            rules.Discourage(OracleClause.AttachD07, Answers.Unsupp);
            rules.OnRejection |= Effects.Departed;
            rules.OnDeviation |= Effects.Departed;
        }
        if (!world.TryFindDomain(request.Domain, out var domain)) return;

        // Another endpoint is there: that a device cannot share domains is an answer to anything.
        var isShared = world.HasOther(request.Domain, request.Endpoint);
        if (attachedTo == request.Domain && !isShared)
        {
            AttachAloneAgain(flagIsOpen, rules);
        }
        else if (domain.IsBypass != asksForBypass && !flagIsOpen)
        {
            rules.Demand(OracleClause.AttachD06, Answers.Inval);
            if (isShared) rules.Permit(OracleClause.AttachD04, Answers.Unsupp);
        }
        else if (isShared)
        {
            Share(facts, world, request, rules);
        }
        if (attachedTo == request.Domain && isShared) AttachAgain(rules);
    }

    /// <summary>The text speaks of "another domain" only: of the same one, everything is open but that OK leaves the endpoint attached.</summary>
    private static void AttachAgain(RuleSet rules)
    {
        rules.Permit(OracleClause.Silence, Answers.AnyRejection);
        (rules.OnSuccess, rules.OnRejection, rules.OnDeviation) = (Effects.Unchanged, Effects.Unchanged | Effects.Departed, Effects.Unchanged | Effects.Departed);
    }

    /// <summary>If that is taken for a DETACH and an ATTACH as a move is, the domain has ended in between: it may be empty now, and of another kind.</summary>
    private static void AttachAloneAgain(bool flagIsOpen, RuleSet rules)
    {
        AttachAgain(rules);
        rules.OnSuccess = flagIsOpen ? Effects.Unknowable : Effects.Unchanged | Effects.Renewed;
        rules.OnDeviation |= Effects.Renewed;
    }

    private static void Share(DeviceFacts facts, World world, in DecodedRequest request, RuleSet rules)
    {
        if (rules.Expectation == OracleClause.OpsD01) rules.Expectation = OracleClause.AttachD05;
        var endpoint = facts.Find(request.Endpoint);
        if (endpoint is null || !facts.Has(Features.Probe))
        {
            rules.Permit(OracleClause.AttachD04, Answers.Unsupp);
            return;
        }

        // Of an endpoint that is not known, neither are its properties: it makes nothing the same, and nothing different.
        var (same, differ, maps) = (true, false, false);
        foreach (var attachment in world.Attachments)
        {
            if (attachment.Domain != request.Domain) continue;
            var other = facts.Find(attachment.Endpoint);
            same &= other is not null && other.HasRegionsOf(endpoint);
            differ |= other is not null && !other.HasRegionsOf(endpoint);
        }
        foreach (ref readonly var mapping in world.Mappings)
        {
            if (mapping.Domain == request.Domain && endpoint.Overlapping(mapping.Start, mapping.End) is not null) maps = true;
        }

        // What makes properties compatible is left to the device, but for the two ends: the same, and a region that is mapped already.
        if (same && !maps) rules.Discourage(OracleClause.AttachD10, Answers.Unsupp);
        else if (differ && maps) rules.Demand(OracleClause.AttachD11, Answers.Unsupp);
        else rules.Permit(OracleClause.AttachD04, Answers.Unsupp);
    }
}
