using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Checks.Core;

/// <summary>
/// A request that every virtio-iommu answers, whatever was negotiated, and that changes nothing: DETACH of an endpoint that does not
/// exist. Which status it gets is for the IOMMU chapter to judge; here it only shows that the device serves its queue.
/// </summary>
internal static class Knock
{
    public static DetachRequest On(CheckContext check) => new(check.Domain(0), CheckContext.UnknownEndpoint);

    /// <summary>Set-up: the running device serves its request queue.</summary>
    public static void GivenServed(CheckContext check, IommuDriver driver)
    {
        var knock = driver.Send(On(check));
        CheckContext.Given(knock.IsReturned, $"{knock.Request} was {knock.Answer}");
    }

    /// <summary>Makes a knock available and notifies, whether the device wishes so or not.</summary>
    public static Exchange MakeAvailableAndNotify(CheckContext check, IommuDriver driver)
    {
        var knock = driver.MakeAvailable(On(check), Framing.Plain);
        driver.NotifyRequests();
        return knock;
    }
}
