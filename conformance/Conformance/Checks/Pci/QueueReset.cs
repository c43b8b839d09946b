using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>4.1.4.3 Common configuration structure layout: queue_reset.</summary>
internal static class QueueResetChecks
{
    private static readonly int[] Queues = [IommuDriver.RequestQueueNumber, IommuDriver.EventQueueNumber];

    [Check("PCI-COMMON-D-09",
        Does = "Resets a queue, resets the device, negotiates RING_RESET again, and reads queue_reset of each queue.",
        Reading = "0 for each.")]
    internal static void queue_reset_reads_0_after_a_device_reset(CheckContext check)
    {
        var pci = check.Pci;
        Initialisation.StartWithRingReset(check);
        foreach (var queue in Queues) ResetQueue(check, queue);
        Initialisation.Negotiate(check, Features.AcceptedByDefault | Features.RingReset);
        foreach (var queue in Queues) ReadsZero(pci, queue, "after the device reset");
    }

    [Check("PCI-COMMON-D-10",
        Does = "Reads queue_reset of each queue once it is enabled; resets the request queue, enables it again, and reads once more.",
        Reading = "0 each time.")]
    internal static void queue_reset_reads_0_once_the_queue_is_enabled(CheckContext check)
    {
        var pci = check.Pci;
        var driver = Initialisation.StartWithRingReset(check);
        foreach (var queue in Queues) ReadsZero(pci, queue, "once it is enabled");
        ResetQueue(check, IommuDriver.RequestQueueNumber);
        driver.ReplaceRequestQueue(driver.Requests.Size);
        ReadsZero(pci, IommuDriver.RequestQueueNumber, "once it is enabled again");
    }

    [Check("PCI-COMMON-D-11",
        Does = "Writes 1 to queue_reset of the request queue, and rings the doorbell of a request that is available on it; then sets up a queue elsewhere and enables it.",
        Reading = "The former queue is left alone, and the new one is served from its start.")]
    internal static void Writing_1_to_queue_reset_resets_the_queue(CheckContext check)
    {
        var driver = Initialisation.StartWithRingReset(check);
        for (var i = 0; i < 3; i++) Knock.GivenServed(check, driver);
        ResetQueue(check, IommuDriver.RequestQueueNumber);
        var request = driver.MakeAvailable(Knock.On(check), Framing.Plain);
        var former = QueueSnapshot.OfBuffers(check.Machine, driver.Requests, request);
        driver.NotifyRequests();
        check.Machine.Target.Settle();
        driver.ReplaceRequestQueue(driver.Requests.Size);
        var first = Knock.MakeAvailableAndNotify(check, driver);
        FirstUse.Names(first, driver);
        former.IsUnchanged("the queue that was reset left alone");
    }

    [Check("PCI-COMMON-D-12",
        Does = "Makes many requests available, rings the doorbell, writes 1 to queue_reset at once, and reads it until it is 0.",
        Reading = "From then on it stays 0, and the device does nothing with the queue any more: before, it may use any of the requests.")]
    internal static void queue_reset_reads_1_until_the_queue_is_at_rest(CheckContext check)
    {
        var pci = check.Pci;
        var driver = Initialisation.StartWithRingReset(check);
        for (var i = 0; i < Math.Min(64, driver.Requests.Size / 2); i++) driver.MakeAvailable(Knock.On(check), Framing.Plain);
        driver.NotifyRequests();
        pci.Set(IommuDriver.RequestQueueNumber, CommonField.QueueReset, 1);
        Given(check.Machine.Await(() => pci.ReadCommon(CommonField.QueueReset) == 0), "queue_reset does not become 0");
        var after = QueueSnapshot.OfBuffers(check.Machine, driver.Requests);
        for (var read = 0; read < 8; read++)
        {
            ReadsZero(pci, IommuDriver.RequestQueueNumber, "once it has read 0");
            check.Machine.Target.Settle();
        }
        after.IsUnchanged("the queue at rest once queue_reset has read 0");
    }

    [Check("PCI-COMMON-D-13",
        Does = "Resets each queue in turn, and reads queue_reset and queue_enable once that is complete.",
        Reading = "0 in both.")]
    internal static void Both_queue_reset_and_queue_enable_read_0_after_a_queue_reset(CheckContext check)
    {
        var pci = check.Pci;
        Initialisation.StartWithRingReset(check);
        foreach (var queue in Queues)
        {
            ResetQueue(check, queue);
            ReadsZero(pci, queue, "after the queue reset");
            var enable = pci.Of(queue, CommonField.QueueEnable);
            That(enable == 0, $"queue_enable 0 of queue {queue} after the queue reset", $"{enable}");
        }
    }

    [Check("CORE-VQENABLE-D-01", Uses = ["PCI-COMMON-V-08", "PCI-COMMON-V-09"],
        Does = "Through the common configuration, resets the request queue three times and enables it again: with the size that it had, a smaller one, and the first again, at other "
            + "addresses each time.",
        Reading = "Every request is served after each: a driver is free to enable a queue again, and to give it what it likes. N/A where RING_RESET is not offered.")]
    internal static void A_PCI_queue_is_enabled_again_as_the_driver_likes(CheckContext check)
    {
        _ = check.Pci;
        VirtqueueResetChecks.ServesWheneverEnabledAgain(check);
    }

    private static void ResetQueue(CheckContext check, int queue)
    {
        var pci = check.Pci;
        check.Machine.Journal.Add($"reset of queue {queue}");
        pci.Set(queue, CommonField.QueueReset, 1);
        Given(check.Machine.Await(() => pci.Of(queue, CommonField.QueueReset) == 0), $"the reset of queue {queue} does not complete");
    }

    private static void ReadsZero(PciTransport pci, int queue, string when)
    {
        var reset = pci.Of(queue, CommonField.QueueReset);
        That(reset == 0, $"queue_reset 0 of queue {queue} {when}", $"{reset}");
    }
}
