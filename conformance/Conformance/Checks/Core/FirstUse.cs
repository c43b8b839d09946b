using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Core;

/// <summary>The start of fresh rings: index 0 of a split ring, entry 0 and a wrap counter of 1 in a packed one.</summary>
internal static class FirstUse
{
    /// <summary>The clause: the device uses the only request on a fresh queue at the start of the ring, and nothing else there.</summary>
    public static void Names(Exchange request, IommuDriver driver)
    {
        var first = default(UsedElement);
        That(driver.Machine.Await(() => driver.Requests.TryTakeUsed(out first)), "a used element at the start of the ring", "there is none");
        That(first.Id == request.Chain, $"id {request.Chain} in the used element at the start of the ring", $"id {first.Id}");
        That(!driver.Requests.TryTakeUsed(out var second), "no used element behind that of the only request", $"there is one, id {second.Id}");
    }
}
