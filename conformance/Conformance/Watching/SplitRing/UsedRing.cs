using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.SplitRing;

/// <summary>The Virtqueue Used Ring (2.7.8), driver's side. What a driver makes of an answer shows in what it tells its user.</summary>
internal static class UsedRing
{
    [Rule("SPLIT-USED-V-01", Needs = Sight.Conclusions | Sight.Answers,
        Does = "Returns a request with a used length that ends in front of the status, and with a status in memory all the same.",
        Reading = "The driver does not tell its user that the request succeeded: it knows nothing of that byte.")]
    public static void Nothing_is_concluded_from_bytes_beyond_the_used_length(Judge judge, RequestConcluded seen) => NotBelieved(judge, seen);

    [Rule("SPLIT-USED-V-02", Needs = Sight.Conclusions | Sight.Answers,
        Does = "Returns a request with a used length that ends in front of the status, and with OK in memory all the same.",
        Reading = "The driver ignores that byte, so it does not tell its user that the request succeeded.")]
    public static void Bytes_beyond_the_used_length_are_ignored(Judge judge, RequestConcluded seen) => NotBelieved(judge, seen);

    private static void NotBelieved(Judge judge, RequestConcluded seen)
    {
        var tail = seen.Outcome.Reply.Length - Request.TailSize;
        if (judge.Driver.Has(Features.RingPacked) || tail < 0 || seen.Outcome.UsedLength is not { } length || length > tail || seen.Outcome.Reply[tail] != (byte)RequestStatus.Ok) return;
        judge.That(!seen.Succeeded, $"{seen.Request} not taken for a success, with used length {length}", $"{seen}");
    }
}
