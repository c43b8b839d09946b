using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Mmio;

/// <summary>4.2.2.1 MMIO Device Register Layout: what binds the device.</summary>
internal static class MmioDeviceRegisterLayoutChecks
{
    private const uint Used = (uint)Notifications.Used;
    private const uint Config = (uint)Notifications.Config;
    private const int Looks = 5;

    [Check("MMIO-REG-D-01",
        Does = "Reads MagicValue after a reset, at each stage of initialisation, in operation, and after another reset.",
        Reading = "0x74726976 each time. Where it is not there from the start, no driver finds a device at all.")]
    internal static void MagicValue_reads_virt_at_all_times(CheckContext check) =>
        MmioDevice.AlwaysReads(check, MmioDevice.Modern(check), MmioRegister.MagicValue, "MagicValue", 0x7472_6976);

    [Check("MMIO-REG-D-02",
        Does = "Reads Version after a reset, at each stage of initialisation, in operation, and after another reset.",
        Reading = "2 each time. A device whose Version is 1 from the start has the legacy interface, and is judged by that.")]
    internal static void Version_reads_2_at_all_times(CheckContext check) =>
        MmioDevice.AlwaysReads(check, MmioDevice.Modern(check), MmioRegister.Version, "Version", 2);

    [Check("MMIO-REG-D-03",
        Does = "Has a request come back, reads InterruptStatus several times, and acknowledges the other event.",
        Reading = "Bit 0 is set, and stays set: neither a read of the register nor the acknowledgement of another event is one of this event.")]
    internal static void A_used_buffer_sets_bit_0_of_InterruptStatus_until_it_is_acknowledged(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        var driver = check.Start(Listening.Settings(check));
        Listening.Forget(check.Machine);
        Knock.GivenServed(check, driver);
        StaysUntilAcknowledged(check, mmio, Used, Config, "a buffer was used");
    }

    [Check("MMIO-REG-D-03",
        Does = "Has the configuration change, or DEVICE_NEEDS_RESET set by a ring error, reads InterruptStatus several times, and acknowledges the other event.",
        Reading = "Bit 1 is set, and stays set until it is acknowledged. N/A where neither can be brought about.")]
    internal static void A_configuration_change_sets_bit_1_of_InterruptStatus_until_it_is_acknowledged(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        var what = MakeConfigurationEvent(check);
        StaysUntilAcknowledged(check, mmio, Config, Used, what);
    }

    [Check("MMIO-REG-D-04",
        Does = "Reads InterruptStatus at each stage of initialisation, in operation before anything has happened, after a request, and after its acknowledgement.",
        Reading = "0 while nothing has happened, bit 0 alone after a used buffer, 0 once that is acknowledged.")]
    internal static void InterruptStatus_has_no_bit_without_an_event(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        Given(check.Machine.ResetDevice(), "the status does not become 0 after a device reset");
        Is(0, "after a reset");
        Negotiation.Begin(check.Machine);
        Is(0, "at DRIVER");
        var settings = Listening.Settings(check);
        var features = check.Acceptable(settings.Accept);
        Given(Negotiation.Offer(check.Machine, features), $"the device refuses features 0x{features:x}");
        Is(0, "at FEATURES_OK");
        var driver = IommuDriver.Prepare(check.Machine, features, settings);
        Negotiation.SetDriverOk(check.Machine);
        check.Machine.Target.Settle();
        Is(0, "in operation before anything has happened");
        for (var round = 1; round <= Looks; round++)
        {
            Knock.GivenServed(check, driver);
            Given(check.Machine.Await(() => (mmio.Read(MmioRegister.InterruptStatus) & Used) != 0), "no used buffer notification is seen");
            Is(Used, $"after request {round}");
            mmio.Write(MmioRegister.InterruptAck, Used);
            Is(0, $"after the acknowledgement of request {round}");
        }

        void Is(uint expected, string when)
        {
            var status = mmio.Read(MmioRegister.InterruptStatus);
            That(status == expected, $"InterruptStatus 0x{expected:x} {when}", $"0x{status:x}");
        }
    }

    [Check("MMIO-REG-D-05",
        Does = "Resets a device with both queues ready and an event that was not acknowledged.",
        Reading = "InterruptStatus reads 0, and QueueReady of both queues, once Status reads 0.")]
    internal static void A_reset_clears_InterruptStatus_and_every_QueueReady(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        var driver = check.Start(Listening.Settings(check));
        Knock.GivenServed(check, driver);
        Given(check.Machine.Await(() => (mmio.Read(MmioRegister.InterruptStatus) & Used) != 0), "no used buffer notification is seen");
        for (var queue = 0; queue < 2; queue++)
            Given(mmio.ReadQueueEnable(queue), $"queue {queue} is not ready while the device runs");
        Given(check.Machine.ResetDevice(), "the status does not become 0 after a device reset");
        var status = mmio.Read(MmioRegister.InterruptStatus);
        That(status == 0, "InterruptStatus 0 after the reset", $"0x{status:x}");
        for (var queue = 0; queue < 2; queue++)
        {
            var ready = MmioDevice.ReadOf(mmio, queue, MmioRegister.QueueReady);
            That(ready == 0, $"QueueReady 0 of queue {queue} after the reset", $"0x{ready:x}");
        }
    }

    [Check("MMIO-REG-D-06",
        Does = "Reads ConfigGeneration and the configuration again and again while the device is initialised and used.",
        Reading = "Where a field reads differently than before, ConfigGeneration does as well. A change of bypass alone, which is a single byte, puts no driver at risk "
            + "of a mixture and is left out; no other field of a virtio-iommu has a reason to change.")]
    internal static void ConfigGeneration_differs_when_the_configuration_does(CheckContext check)
    {
        ConfigurationVersion.ForEach(check, MmioDevice.Modern(check), (last, now, when) => That(
            last.Config with { Bypass = 0 } == now.Config with { Bypass = 0 } || last.Generation != now.Generation,
            $"another ConfigGeneration {when}, where the configuration differs from before: {DeviceConfigurationSpaceChecks.Describe(check, last.Config)}",
            $"ConfigGeneration {now.Generation} both times, and now {DeviceConfigurationSpaceChecks.Describe(check, now.Config)}"));
    }

    [Check("MMIO-REG-D-07",
        Does = "Gives the device size and addresses of a request queue and leaves QueueReady 0, makes a request available once DRIVER_OK is set, and notifies.",
        Reading = "Queue memory and buffers stay as they are. The device serves a queue that is ready.")]
    internal static void A_queue_that_was_never_made_ready_is_left_alone(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        Knock.GivenServed(check, check.Start());
        var features = check.Acceptable(Features.AcceptedByDefault);
        Negotiation.Begin(check.Machine);
        Given(Negotiation.Offer(check.Machine, features), $"the device refuses features 0x{features:x}");
        var queue = Lay(check, mmio, features);
        mmio.WriteQueueSize(IommuDriver.RequestQueueNumber, queue.Rings.Size);
        mmio.WriteQueueAddresses(IommuDriver.RequestQueueNumber, queue.Rings.Addresses);
        Negotiation.SetDriverOk(check.Machine);
        queue.MakeAvailable(Knock.On(check));
        var rings = new QueueSnapshot(check.Machine, queue.Rings);
        queue.Notify();
        check.Machine.Target.Settle();
        That(queue.IsUntouched && rings.Change() is null, "the request queue left alone while its QueueReady is 0", rings.Change() ?? "the device wrote into a buffer");
    }

    [Check("MMIO-REG-D-07",
        Does = "Writes 0 to QueueReady of the request queue of a running device, makes a request available, and notifies.",
        Reading = "Queue memory and buffers stay as they are once QueueReady reads 0.")]
    internal static void A_request_queue_that_is_no_longer_ready_is_left_alone(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        var driver = check.Start();
        Knock.GivenServed(check, driver);
        GivenStopped(check, mmio, IommuDriver.RequestQueueNumber);
        var request = driver.MakeAvailable(Knock.On(check), Framing.Plain);
        var after = new QueueSnapshot(check.Machine, driver.Requests, request);
        driver.NotifyRequests();
        check.Machine.Target.Settle();
        after.IsUnchanged("the request queue left alone once its QueueReady reads 0");
    }

    [Check("MMIO-REG-D-07",
        Does = "Writes 0 to QueueReady of the event queue of a device that reports faults, and lets an unattached endpoint that is not in bypass mode fault.",
        Reading = "The event queue stays as it is. N/A where the device reports no such fault before.")]
    internal static void An_event_queue_that_is_no_longer_ready_is_left_alone(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        var fault = new UnattachedFault(check);
        var driver = check.Start(fault.Settings);
        fault.Forbid();
        fault.RequireReport(driver);
        GivenStopped(check, mmio, IommuDriver.EventQueueNumber);
        var after = new QueueSnapshot(check.Machine, driver.Events);
        fault.Provoke();
        after.IsUnchanged("the event queue left alone once its QueueReady reads 0");
    }

    private static void StaysUntilAcknowledged(CheckContext check, MmioTransport mmio, uint bit, uint other, string what)
    {
        That(check.Machine.Await(() => (mmio.Read(MmioRegister.InterruptStatus) & bit) != 0), $"InterruptStatus with bit 0x{bit:x} set when {what}", "it is not set");
        for (var look = 0; look < Looks; look++) IsThere("after reads of the register");
        mmio.Write(MmioRegister.InterruptAck, other);
        IsThere($"after the acknowledgement of 0x{other:x}");
        mmio.Write(MmioRegister.InterruptAck, bit);

        void IsThere(string when)
        {
            var status = mmio.Read(MmioRegister.InterruptStatus);
            That((status & bit) != 0, $"InterruptStatus with bit 0x{bit:x} set {when}, until 0x{bit:x} is acknowledged", $"0x{status:x}");
        }
    }

    private static string MakeConfigurationEvent(CheckContext check)
    {
        check.Start(Listening.Settings(check));
        Listening.Forget(check.Machine);
        if (check.Offers(Features.BypassConfig) && check.Machine.Target.TryChangeBypass(check.Machine.ReadBypass() == 0)) return "bypass was changed, and not by the driver";
        foreach (var error in RingError.All)
        {
            var driver = check.Start(Listening.Settings(check));
            if (!error.IsPossible(driver)) continue;
            Listening.Forget(check.Machine);
            error.Commit(driver);
            if ((check.Machine.Transport.ReadStatus() & DeviceStatus.NeedsReset) != 0) return $"{error.Name} made the device set DEVICE_NEEDS_RESET";
        }
        throw new NotApplicableException("the target cannot change the configuration, and no ring error makes the device set DEVICE_NEEDS_RESET");
    }

    // 4.2.2.2: to stop using the queue the driver writes zero and reads the value back.
    private static void GivenStopped(CheckContext check, MmioTransport mmio, int queue)
    {
        check.Machine.Journal.Add($"QueueReady = 0 of queue {queue}");
        MmioDevice.WriteOf(mmio, queue, MmioRegister.QueueReady, 0);
        Given(check.Machine.Await(() => !mmio.ReadQueueEnable(queue)), $"QueueReady of queue {queue} does not read 0 after that was written");
    }

    private static HandmadeQueue Lay(CheckContext check, MmioTransport mmio, ulong features)
    {
        var (ram, heap, number) = (check.Machine.Target.Ram, check.Machine.Heap, IommuDriver.RequestQueueNumber);
        var size = Math.Min((ushort)64, mmio.ReadQueueSize(number));
        return new HandmadeQueue(check.Machine, (features & Features.RingPacked) != 0
            ? new PackedQueue(ram, heap, number, size, features)
            : new SplitQueue(ram, heap, number, size, features));
    }
}
