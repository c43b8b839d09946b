using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Iommu;

/// <summary>Device initialization (5.13.5), driver's side.</summary>
internal static class DeviceInitialization
{
    [Rule("IOMMU-INIT-V-02", Needs = Sight.Requests,
        Does = "Where PROBE is negotiated, looks for one before each ATTACH.",
        Reading = "The endpoint was probed before, since the device was found; a reset of the device does not change what it has to say.")]
    public static void An_endpoint_is_probed_before_it_is_attached(Judge judge, RequestSent seen)
    {
        if (seen.Request is SentRequest.Attach attach && judge.Driver.Has(Features.Probe))
            judge.That(judge.Driver.Iommu.WasProbed(attach.Endpoint), $"a PROBE of endpoint 0x{attach.Endpoint:x} before its ATTACH", $"{attach}, without a PROBE");
    }
}
