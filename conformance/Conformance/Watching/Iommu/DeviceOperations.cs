using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Iommu;

/// <summary>Device operations (5.13.6), driver's side: what all requests have in common.</summary>
internal static class DeviceOperations
{
    [Rule("IOMMU-OPS-V-01", Needs = Sight.RequestBytes, FromAnywhere = true,
        Does = "Reads the reserved bytes in the head of every request.",
        Reading = "They are zero.")]
    public static void Reserved_bytes_of_the_head_are_zero(Judge judge, RequestSent seen)
    {
        if (seen.Request.HeadReserved is { } reserved) judge.That(reserved == 0, "a head with reserved 0", $"{seen.Request}");
    }

    [Rule("IOMMU-OPS-V-02", Needs = Sight.Conclusions | Sight.Answers,
        Does = "Answers requests with junk in the reserved bytes of the tail, and asks the driver whether they succeeded.",
        Reading = "The status alone decides.")]
    public static void Reserved_bytes_of_the_tail_are_ignored(Judge judge, RequestConcluded seen)
    {
        if (seen.Outcome is not { Status: { } status, Reply: { Length: >= Request.TailSize } reply } || reply[^3..] is [0, 0, 0]) return;
        judge.That(
            seen.Succeeded == (status == RequestStatus.Ok), $"{(status == RequestStatus.Ok ? "success" : "failure")}, as the status {status.Name()} says",
            $"{seen}, with reserved {Convert.ToHexStringLower(reply[^3..])} in the tail");
    }

    [Rule("IOMMU-OPS-V-03", Needs = Sight.Conclusions | Sight.Answers,
        Does = "Returns requests without having written to them, and asks the driver whether they succeeded.",
        Reading = "They failed, whatever the buffer holds.")]
    public static void A_request_returned_unwritten_has_failed(Judge judge, RequestConcluded seen)
    {
        if (seen.Outcome.UsedLength == 0) judge.That(!seen.Succeeded, "failure of a request that came back with used length 0", $"{seen}");
    }

    [Rule("IOMMU-OPS-V-04", Needs = Sight.Requests | Sight.Registers,
        Does = "Where INPUT_RANGE is negotiated, compares the range of every request with input_range as the driver has read it.",
        Reading = "Both ends are inside.")]
    public static void Ranges_stay_inside_input_range(Judge judge, RequestSent seen)
    {
        if (seen.Request.Range is not { } range || judge.Driver.Config.InputRange is not { } input || !judge.Driver.Has(Features.InputRange)) return;
        judge.That(range.Start >= input.Start && range.End <= input.End, $"a range inside 0x{input.Start:x}..0x{input.End:x}", $"{seen.Request}");
    }

    [Rule("IOMMU-OPS-V-05", Needs = Sight.Requests | Sight.Registers,
        Does = "Where DOMAIN_RANGE is negotiated, compares the domain of every request with domain_range as the driver has read it.",
        Reading = "It is inside.")]
    public static void Domains_stay_inside_domain_range(Judge judge, RequestSent seen)
    {
        if (seen.Request.NamedDomain is not { } domain || judge.Driver.Config.DomainRange is not { } domains || !judge.Driver.Has(Features.DomainRange)) return;
        judge.That(domain >= domains.Start && domain <= domains.End, $"a domain inside {domains.Start}..{domains.End}", $"{seen.Request}");
    }
}
