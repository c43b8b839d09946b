using Viommu.Guest.Wire;

namespace Viommu.Conformance.Oracle;

/// <summary>Device operations: what is said of every request, and of those that no section of their own describes.</summary>
internal static class OperationRules
{
    /// <summary>Collects what the text says of a request in a world.</summary>
    public static void Collect(DeviceFacts facts, World world, in DecodedRequest request, RuleSet rules)
    {
        rules.Begin();
        if (request.Shape == RequestShape.WithoutTail) WithoutTail(request, rules);
        else if (!request.HasHead || request.Shape == RequestShape.Truncated) Open(rules, Effects.Unchanged, Effects.Unknowable);
        else if (!request.IsKnownType) Unknown(rules, OracleClause.OpsD02, OracleClause.OpsD03);
        else if (request.Type == RequestType.Probe && !facts.Offers(Features.Probe)) Unknown(rules, OracleClause.ProbeD03, OracleClause.ProbeD04);
        else if (request.Type == RequestType.Probe && !facts.Has(Features.Probe)) Open(rules, Effects.Unchanged, Effects.Unchanged);
        else if (request.Shape == RequestShape.LongWritable) Open(rules, AnyEffectOf(request), AnyEffectOf(request));
        else if (IsUnavailable(facts, request)) Open(rules, Effects.Unchanged, Effects.Unchanged | Effects.Performed);
        else Described(facts, world, request, rules);
    }

    // "This request is only available when VIRTIO_IOMMU_F_MAP_UNMAP has been negotiated" says nothing of what happens otherwise.
    private static bool IsUnavailable(DeviceFacts facts, in DecodedRequest request) =>
        request.Type is RequestType.Map or RequestType.Unmap && !facts.Has(Features.MapUnmap);

    private static void Described(DeviceFacts facts, World world, in DecodedRequest request, RuleSet rules)
    {
        // How many domains and mappings there can be is the device's own affair.
        rules.Permit(OracleClause.Silence, Answers.Exhausted);
        if (request.Shape == RequestShape.LongReadable) rules.Permit(OracleClause.Silence, Answers.AnyRejection | Answers.Unwritten);
        switch (request.Type)
        {
            case RequestType.Attach:
                AttachRules.Collect(facts, world, request, rules);
                break;
            case RequestType.Detach:
                DetachRules.Collect(facts, world, request, rules);
                break;
            case RequestType.Map:
                MapRules.Collect(facts, world, request, rules);
                break;
            case RequestType.Unmap:
                UnmapRules.Collect(facts, world, request, rules);
                break;
            default:
                ProbeRules.Collect(facts, request, rules);
                break;
        }
    }

    /// <summary>"Too small for its type and the device cannot find the tail": returned without a byte written, whatever it may have done.</summary>
    private static void WithoutTail(in DecodedRequest request, RuleSet rules)
    {
        rules.Demand(OracleClause.DescIommu02, Answers.Unwritten);
        rules.OnRejection = rules.OnDeviation = request.IsComplete ? AnyEffectOf(request) : Effects.Unchanged;
    }

    /// <summary>A type that is not recognised: the buffer is not written, and the used length is zero.</summary>
    private static void Unknown(RuleSet rules, OracleClause notWritten, OracleClause lengthZero)
    {
        rules.Demand(notWritten, Answers.Unwritten);
        rules.Demand(lengthZero, Answers.Unwritten);
        rules.OnSuccess = rules.OnDeviation = Effects.Unchanged;
    }

    private static void Open(RuleSet rules, Effects onRejection, Effects onSuccess)
    {
        rules.Permit(OracleClause.Silence, Answers.AnyReturn | Answers.NotReturned);
        rules.Expectation = OracleClause.OpsD01;
        (rules.OnRejection, rules.OnSuccess, rules.OnDeviation) = (onRejection, onSuccess, onRejection);
    }

    private static Effects AnyEffectOf(in DecodedRequest request) => request.Type switch
    {
        RequestType.Attach => Effects.Unchanged | Effects.Performed | Effects.Departed | Effects.Renewed,
        RequestType.Probe => Effects.Unchanged,
        _ when !request.IsKnownType => Effects.Unchanged,
        _ => Effects.Unchanged | Effects.Performed,
    };
}
