namespace Viommu.Conformance.Watching.Iommu;

/// <summary>DETACH request (5.13.6.4), driver's side.</summary>
internal static class DetachRequests
{
    [Rule("IOMMU-DETACH-V-01", Needs = Sight.RequestBytes, FromAnywhere = true,
        Does = "Reads the reserved bytes of every DETACH.",
        Reading = "They are zero.")]
    public static void Reserved_bytes_are_zero(Judge judge, RequestSent seen)
    {
        if (seen.Request is SentRequest.Detach { Reserved: { } reserved }) judge.That(reserved == 0, "DETACH with reserved 0", $"{seen.Request}");
    }
}
