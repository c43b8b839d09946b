using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Core;

/// <summary>2.6.1 Virtqueue Reset, and 2.6.1.2 Virtqueue Re-enable.</summary>
internal static class VirtqueueResetChecks
{
    [Check("CORE-VQRESET-D-01",
        Does = "Resets the request queue of a running device, makes a request available on it and rings the doorbell.",
        Reading = "Queue memory and buffers stay as they are.")]
    internal static void A_reset_request_queue_executes_nothing(CheckContext check)
    {
        var driver = StartWithRingReset(check, new DriverSettings());
        Knock.GivenServed(check, driver);
        driver.MakeAvailable(Knock.On(check), Framing.Plain);
        GivenQueueReset(check, IommuDriver.RequestQueueNumber);
        var request = driver.MakeAvailable(Knock.On(check), Framing.Plain);
        var after = QueueSnapshot.OfBuffers(check.Machine, driver.Requests, request);
        driver.NotifyRequests();
        check.Machine.Target.Settle();
        after.IsUnchanged("the request queue left alone once it has been reset");
    }

    [Check("CORE-VQRESET-D-01",
        Does = "Resets the event queue of a device that reports faults, and lets an unattached endpoint that is not in bypass mode fault.",
        Reading = "The event queue stays as it is. N/A where the device reports no such fault before.")]
    internal static void A_reset_event_queue_takes_no_fault(CheckContext check)
    {
        check.Requires(Features.RingReset);
        var fault = new UnattachedFault(check);
        var driver = StartWithRingReset(check, fault.Settings);
        fault.Forbid();
        fault.RequireReport(driver);
        GivenQueueReset(check, IommuDriver.EventQueueNumber);
        var after = QueueSnapshot.OfBuffers(check.Machine, driver.Events);
        fault.Provoke();
        after.IsUnchanged("the event queue left alone once it has been reset");
    }

    [Check("CORE-VQRESET-D-01",
        Does = "Resets the request queue of a device that notifies, makes a request available on it, rings the doorbell, and listens.",
        Reading = "No used buffer notification comes.")]
    internal static void A_reset_queue_raises_no_notification(CheckContext check)
    {
        var driver = StartWithRingReset(check, Listening.Settings(check));
        Listening.GivenHeard(check, driver);
        GivenQueueReset(check, IommuDriver.RequestQueueNumber);
        check.Machine.Transport.TakeNotifications();
        Knock.MakeAvailableAndNotify(check, driver);
        check.Machine.Target.Settle();
        That((check.Machine.Transport.TakeNotifications() & Notifications.Used) == 0, "no used buffer notification of a queue that has been reset", "there is one");
    }

    [Check("CORE-VQRESET-D-02",
        Does = "Uses the request queue, resets it, and enables it again on fresh rings.",
        Reading = "The device starts at index 0 of both rings, or of the packed one: the first request is served, and its used element is the one at the start.")]
    internal static void Both_indices_are_0_after_a_queue_reset(CheckContext check)
    {
        var driver = StartWithRingReset(check, new DriverSettings());
        for (var i = 0; i < 5; i++) Knock.GivenServed(check, driver);
        GivenQueueReset(check, IommuDriver.RequestQueueNumber);
        driver.ReplaceRequestQueue(driver.Requests.Size);
        var request = Knock.MakeAvailableAndNotify(check, driver);
        FirstUse.Names(request, driver);
    }

    [Check("CORE-VQRESET-D-02",
        Does = "Enables the request queue with less than its maximum size, and resets it.",
        Reading = "Its size reads as the maximum again, as after a device reset. N/A where the maximum is too small to go below it.")]
    internal static void The_size_is_the_maximum_again_after_a_queue_reset(CheckContext check)
    {
        check.Requires(Features.RingReset);
        if (check.Machine.Pci is null) throw new NotApplicableException("the transport shows the maximum size of a queue, and not the size in use");
        var maximum = check.Machine.Transport.ReadQueueSize(IommuDriver.RequestQueueNumber);
        var driver = StartWithRingReset(check, new DriverSettings { RequestQueueSize = Smaller(maximum) });
        Knock.GivenServed(check, driver);
        GivenQueueReset(check, IommuDriver.RequestQueueNumber);
        var size = check.Machine.Transport.ReadQueueSize(IommuDriver.RequestQueueNumber);
        That(size == maximum, $"queue size {maximum}, which is the maximum, after the queue reset", $"queue size {size}");
    }

    [Check("CORE-VQENABLE-D-01",
        Does = "Resets the request queue, enables it again with a smaller size at other addresses, and sends requests until the rings have wrapped three times.",
        Reading = "Every request is served, and the memory of the former rings stays as it is.")]
    internal static void A_queue_enabled_again_has_its_new_smaller_size_and_addresses(CheckContext check)
    {
        var driver = StartWithRingReset(check, new DriverSettings());
        ServesReplacedQueue(check, driver, Smaller(driver.Requests.Size));
    }

    [Check("CORE-VQENABLE-D-01",
        Does = "Enables the request queue with a small size, resets it, enables it again with a larger size at other addresses, and fills it three times.",
        Reading = "Every request is served, and the memory of the former rings stays as it is.")]
    internal static void A_queue_enabled_again_has_its_new_larger_size_and_addresses(CheckContext check)
    {
        var maximum = Math.Min((ushort)256, check.Machine.Transport.ReadQueueSize(IommuDriver.RequestQueueNumber));
        var driver = StartWithRingReset(check, new DriverSettings { RequestQueueSize = Smaller(maximum) });
        ServesReplacedQueue(check, driver, maximum);
    }

    [Check("CORE-VQENABLE-D-01",
        Does = "Starts with no message vector for the request queue, resets the queue, gives it a vector, enables it again, and listens.",
        Reading = "A used buffer notification comes by the new vector. N/A where the device has no MSI-X.")]
    internal static void A_queue_enabled_again_notifies_by_its_new_vector(CheckContext check)
    {
        check.Requires(Features.RingReset);
        if (check.Machine.Pci is not { Msix: not null } pci) throw new NotApplicableException("the device has no MSI-X");
        var driver = StartWithRingReset(check, Listening.Settings(check), () => AssignVector(pci, MsixTable.NoVector));
        Knock.GivenServed(check, driver);
        check.Machine.Target.Settle();
        Given((pci.TakeNotifications() & Notifications.Used) == 0, "a queue without a vector notifies by one");
        GivenQueueReset(check, IommuDriver.RequestQueueNumber);
        AssignVector(pci, MsixTable.QueueVector);
        if (pci.ReadCommon(CommonField.QueueMsixVector) != MsixTable.QueueVector) throw new NotApplicableException("the device does not take a vector while it runs");
        driver.ReplaceRequestQueue(driver.Requests.Size);
        Knock.GivenServed(check, driver);
        That(Listening.Hears(check.Machine, Notifications.Used), "a used buffer notification by the vector that the queue was enabled again with", "none");
    }

    /// <summary>
    /// The clause: the request queue goes on whenever it is enabled again after a reset, with the size that it had, a smaller one, and the first again, at other
    /// addresses each time. Whether and how a queue is enabled again is the driver's choice, which each transport grants in its own section.
    /// </summary>
    public static void ServesWheneverEnabledAgain(CheckContext check)
    {
        var driver = StartWithRingReset(check, new DriverSettings());
        var first = driver.Requests.Size;
        foreach (var size in (ushort[])[first, Smaller(first), first]) ServesReplacedQueue(check, driver, size);
    }

    private static IommuDriver StartWithRingReset(CheckContext check, DriverSettings settings, Action? beforeDriverOk = null)
    {
        check.Requires(Features.RingReset);
        settings = settings with { Accept = settings.Accept | Features.RingReset };
        if (beforeDriverOk is null) return check.Start(settings);
        var features = check.Acceptable(settings.Accept);
        Negotiation.Begin(check.Machine);
        Given(Negotiation.Offer(check.Machine, features), $"the device refuses features 0x{features:x}");
        var driver = IommuDriver.Prepare(check.Machine, features, settings);
        beforeDriverOk();
        Negotiation.SetDriverOk(check.Machine);
        return driver;
    }

    // 4.1.4.3: the reset is complete once queue_reset reads 0 again; it then reads 0 in queue_enable as well.
    private static void GivenQueueReset(CheckContext check, int queue)
    {
        var transport = check.Machine.Transport;
        check.Machine.Journal.Add($"reset of queue {queue}");
        transport.ResetQueue(queue);
        Given(check.Machine.Await(() => !transport.ReadQueueReset(queue)), $"the reset of queue {queue} does not complete");
        if (!transport.ReadQueueEnable(queue)) return;
        var (clause, register) = check.Machine.Pci is null ? ("MMIO-REG-D-12", "QueueReady") : ("PCI-COMMON-D-13", "queue_enable");
        throw new DeviceViolationException(clause, $"0 in {register} once the queue is reset", $"queue {queue} is still enabled after its reset");
    }

    private static void ServesReplacedQueue(CheckContext check, IommuDriver driver, ushort size)
    {
        Knock.GivenServed(check, driver);
        var former = driver.Requests;
        GivenQueueReset(check, IommuDriver.RequestQueueNumber);
        var left = new QueueSnapshot(check.Machine, former);
        driver.ReplaceRequestQueue(size);
        for (var round = 0; round < 6; round++)
        {
            // A request takes two descriptors: size / 2 of them fill the descriptor table, twice that many wrap the rings.
            var served = driver.SendTogether(Enumerable.Range(0, size / 2).Select(_ => Knock.On(check)));
            That(served.All(exchange => exchange.IsReturned), $"every request served by the queue of now {size} descriptors instead of {former.Size}",
                $"in round {round}, {served.Count(exchange => !exchange.IsReturned)} of {served.Count} do not come back");
        }
        left.IsUnchanged("the memory of the former rings left alone");
    }

    private static ushort Smaller(ushort maximum) => maximum >= 4
        ? (ushort)Math.Min(8, 1 << (System.Numerics.BitOperations.Log2(maximum) - 1))
        : throw new NotApplicableException($"the request queue has {maximum} descriptors at most");

    private static void AssignVector(PciTransport pci, ushort vector)
    {
        pci.WriteCommon(CommonField.QueueSelect, IommuDriver.RequestQueueNumber);
        pci.WriteCommon(CommonField.QueueMsixVector, vector);
    }
}
