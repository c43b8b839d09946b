using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Virtqueue;

namespace Viommu.Conformance.Checks.Rings;

/// <summary>A mistake on the event queue, which the device finds when it has a fault to report.</summary>
internal static class EventQueueError
{
    /// <summary>
    /// The clause: the request queue is served, or DEVICE_NEEDS_RESET is set, after a buffer where no memory is was put into the event
    /// queue. N/A where the device reports no fault, and so has no use for the event queue.
    /// </summary>
    public static void LeavesTheRequestQueueAlone(CheckContext check, Action<DriverQueue> kind)
    {
        const string Mistake = "an event buffer at an address without memory";
        var fault = new UnattachedFault(check);
        var driver = check.Start(fault.Settings with { EventBuffers = 1 });
        kind(driver.Events);
        fault.Forbid();
        fault.RequireReport(driver);
        Knock.GivenServed(check, driver);
        driver.Machine.Journal.Add($"event queue: {Mistake}");
        driver.Events.Lend([new BufferElement(0xffff_ffff_ffff_f000, 24, IsWritable: true)]);
        driver.Notify(driver.Events);
        fault.Provoke();
        Survival.Judge(check, driver, Mistake);
    }
}
