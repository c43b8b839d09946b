using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Mmio;

/// <summary>4.2.2.1 MMIO Device Register Layout: the QueueReset register.</summary>
internal static class MmioQueueResetChecks
{
    private const int Looks = 5;

    [Check("MMIO-REG-D-08",
        Does = "Resets a queue, and then the whole device at once, RING_RESET having been accepted.",
        Reading = "QueueReset reads 0 for both queues once Status reads 0. N/A where RING_RESET is not offered.")]
    internal static void QueueReset_reads_0_after_a_device_reset(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        var driver = Start(check);
        Knock.GivenServed(check, driver);
        mmio.ResetQueue(IommuDriver.RequestQueueNumber);
        Given(check.Machine.ResetDevice(), "the status does not become 0 after a device reset");
        for (var queue = 0; queue < 2; queue++) ReadsZero(mmio, queue, MmioRegister.QueueReset, "after a device reset");
    }

    [Check("MMIO-REG-D-09",
        Does = "Resets the request queue, enables it again on fresh rings, and uses it.",
        Reading = "QueueReset reads 0 once QueueReady was written, and goes on to. N/A where RING_RESET is not offered.")]
    internal static void QueueReset_reads_0_once_the_queue_is_enabled_again(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        var driver = Start(check);
        Knock.GivenServed(check, driver);
        GivenComplete(check, mmio);
        driver.ReplaceRequestQueue(driver.Requests.Size);
        ReadsZero(mmio, IommuDriver.RequestQueueNumber, MmioRegister.QueueReset, "once the queue is enabled again");
        Knock.GivenServed(check, driver);
        ReadsZero(mmio, IommuDriver.RequestQueueNumber, MmioRegister.QueueReset, "after a request on the queue that was enabled again");
    }

    [Check("MMIO-REG-D-10",
        Does = "Uses the request queue, writes 1 to its QueueReset, and enables it again on fresh rings elsewhere.",
        Reading = "The first request on the fresh rings is served, and used at their start; the former rings stay as they are. N/A where RING_RESET is not offered.")]
    internal static void Writing_1_to_QueueReset_resets_the_queue(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        var driver = Start(check);
        for (var i = 0; i < Looks; i++) Knock.GivenServed(check, driver);
        var former = driver.Requests;
        GivenComplete(check, mmio);
        var left = new QueueSnapshot(check.Machine, former);
        driver.ReplaceRequestQueue(former.Size);
        FirstUse.Names(Knock.MakeAvailableAndNotify(check, driver), driver);
        left.IsUnchanged("the former rings left alone");
    }

    [Check("MMIO-REG-D-10",
        Does = "Writes 1 to QueueReset of the event queue, and uses the request queue.",
        Reading = "The request queue stays ready and serves: the reset is that of the queue selected. N/A where RING_RESET is not offered.")]
    internal static void Writing_1_to_QueueReset_resets_no_other_queue(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        var driver = Start(check);
        Knock.GivenServed(check, driver);
        mmio.ResetQueue(IommuDriver.EventQueueNumber);
        Given(check.Machine.Await(() => !mmio.ReadQueueReset(IommuDriver.EventQueueNumber)), "the reset of the event queue does not complete");
        That(mmio.ReadQueueEnable(IommuDriver.RequestQueueNumber), "the request queue ready after a reset of the event queue", "its QueueReady is 0");
        var knock = Knock.MakeAvailableAndNotify(check, driver);
        driver.Collect();
        That(knock.IsReturned, "a request served after a reset of the event queue", knock.Answer);
    }

    [Check("MMIO-REG-D-11",
        Does = "Makes many requests available, notifies, writes 1 to QueueReset, reads it until it is 0, and then makes a last request available.",
        Reading = "It reads 1 as long as the reset goes on, then 0 for good; from the first 0 on nothing is executed any more. A device that is done at once never "
            + "shows a 1. N/A where RING_RESET is not offered.")]
    internal static void QueueReset_reads_1_until_the_queue_is_at_rest(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        var driver = Start(check);
        Knock.GivenServed(check, driver);
        var requests = Enumerable.Range(0, Math.Min(32, driver.Requests.Size / 4)).Select(_ => driver.MakeAvailable(Knock.On(check), Framing.Plain)).ToList();
        driver.NotifyRequests();
        mmio.ResetQueue(IommuDriver.RequestQueueNumber);
        var odd = 0u;
        var isComplete = check.Machine.Await(() =>
        {
            var value = MmioDevice.ReadOf(mmio, IommuDriver.RequestQueueNumber, MmioRegister.QueueReset);
            if (value > 1) odd = value;
            return value == 0 || odd != 0;
        });
        That(odd == 0, "QueueReset 1 while the reset goes on", $"0x{odd:x}");
        Given(isComplete, "the reset of the request queue does not complete");

        // What came back before the reset was complete is free; a last request is one that could only be executed after it.
        foreach (var request in requests) request.Inspect();
        var answered = requests.Count(request => !request.IsUnwritten);
        var last = driver.MakeAvailable(Knock.On(check), Framing.Plain);
        var atRest = new QueueSnapshot(check.Machine, driver.Requests, last);
        driver.NotifyRequests();
        check.Machine.Target.Settle();
        foreach (var request in requests) request.Inspect();
        That(atRest.Change() is null && requests.Count(request => !request.IsUnwritten) == answered,
            "nothing executed on the request queue once QueueReset reads 0", atRest.Change() ?? "the device wrote into a buffer");
        for (var look = 0; look < Looks; look++) ReadsZero(mmio, IommuDriver.RequestQueueNumber, MmioRegister.QueueReset, "once the reset is complete");
    }

    [Check("MMIO-REG-D-12",
        Does = "Resets both queues, one after the other.",
        Reading = "Once QueueReset reads 0, so does QueueReady. N/A where RING_RESET is not offered.")]
    internal static void QueueReset_and_QueueReady_read_0_after_a_queue_reset(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        Start(check);
        for (var queue = 0; queue < 2; queue++)
        {
            check.Machine.Journal.Add($"QueueReset = 1 of queue {queue}");
            mmio.ResetQueue(queue);
            That(check.Machine.Await(() => !mmio.ReadQueueReset(queue)), $"QueueReset 0 of queue {queue} in time", "1");
            ReadsZero(mmio, queue, MmioRegister.QueueReady, "after its reset");
        }
    }

    [Check("CORE-VQENABLE-D-01", Uses = ["MMIO-REG-V-22", "MMIO-REG-V-23"],
        Does = "Through the registers of virtio-mmio, resets the request queue three times and enables it again: with the size that it had, a smaller one, and the first again, at "
            + "other addresses each time.",
        Reading = "Every request is served after each: a driver is free to enable a queue again, and to give it what it likes. N/A where RING_RESET is not offered.")]
    internal static void An_MMIO_queue_is_enabled_again_as_the_driver_likes(CheckContext check)
    {
        MmioDevice.Modern(check);
        VirtqueueResetChecks.ServesWheneverEnabledAgain(check);
    }

    private static IommuDriver Start(CheckContext check)
    {
        check.Requires(Features.RingReset);
        return check.Start(new DriverSettings { Accept = Features.AcceptedByDefault | Features.RingReset });
    }

    private static void GivenComplete(CheckContext check, MmioTransport mmio)
    {
        check.Machine.Journal.Add("QueueReset = 1 of the request queue");
        mmio.ResetQueue(IommuDriver.RequestQueueNumber);
        Given(check.Machine.Await(() => !mmio.ReadQueueReset(IommuDriver.RequestQueueNumber)), "the reset of the request queue does not complete");
    }

    private static void ReadsZero(MmioTransport mmio, int queue, uint register, string when)
    {
        var value = MmioDevice.ReadOf(mmio, queue, register);
        That(value == 0, $"{(register == MmioRegister.QueueReset ? "QueueReset" : "QueueReady")} 0 of queue {queue} {when}", $"0x{value:x}");
    }
}
