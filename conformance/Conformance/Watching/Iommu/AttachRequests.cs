namespace Viommu.Conformance.Watching.Iommu;

/// <summary>ATTACH request (5.13.6.3), driver's side. Which domains exist is known once the device has handled what came before.</summary>
internal static class AttachRequests
{
    [Rule("IOMMU-ATTACH-V-01", Needs = Sight.RequestBytes, FromAnywhere = true,
        Does = "Reads the reserved field of every ATTACH.",
        Reading = "It is zero.")]
    public static void Reserved_bytes_are_zero(Judge judge, RequestSent seen)
    {
        if (seen.Request is SentRequest.Attach { Reserved: { } reserved }) judge.That(reserved == 0, "ATTACH with reserved 0", $"{seen.Request}");
    }

    [Rule("IOMMU-ATTACH-V-03", Needs = Sight.RequestBytes,
        Does = "Looks at every ATTACH to a domain that exists and was made with F_BYPASS.",
        Reading = "F_BYPASS is set.")]
    public static void A_bypass_domain_is_joined_with_F_BYPASS(Judge judge, RequestAnswered seen)
    {
        if (seen.Request is SentRequest.Attach { IsBypass: { } flag } attach && judge.Driver.Iommu.Domain(attach.Domain) is { IsBypass: true })
            judge.That(flag, $"F_BYPASS in an ATTACH to the bypass domain {attach.Domain}", $"{attach}");
    }

    [Rule("IOMMU-ATTACH-V-04", Needs = Sight.RequestBytes,
        Does = "Looks at every ATTACH to a domain that exists and was made without F_BYPASS.",
        Reading = "F_BYPASS is not set.")]
    public static void A_domain_that_translates_is_joined_without_F_BYPASS(Judge judge, RequestAnswered seen)
    {
        if (seen.Request is SentRequest.Attach { IsBypass: { } flag } attach && judge.Driver.Iommu.Domain(attach.Domain) is { IsBypass: false })
            judge.That(!flag, $"no F_BYPASS in an ATTACH to domain {attach.Domain}, which is no bypass domain", $"{attach}");
    }
}
