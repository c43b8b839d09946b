using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>4.1.4.3 Common configuration structure layout, but for queue_reset.</summary>
internal static class CommonConfigurationChecks
{
    // Each repeats word 0 or 1 in some bits, so that a device that looks at a part of the selector shows.
    private static readonly uint[] SelectorsBeyond = [2, 3, 4, 5, 0x20, 0x21, 0x100, 0x101, 0x1_0000, 0x1_0001, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_ffff];

    [Check("PCI-COMMON-D-01",
        Does = "Reads the offset of every common configuration capability.",
        Reading = "A multiple of 4.")]
    internal static void The_offset_of_the_common_configuration_is_a_multiple_of_4(CheckContext check)
    {
        foreach (var capability in VirtioCapability.All(check.Pci.Function, StructureType.Common))
            That(capability.Offset % 4 == 0, $"a multiple of 4 as the offset in {capability}", $"0x{capability.Offset:x}");
    }

    [Check("PCI-COMMON-D-02",
        Does = "Walks the capability list after the reset, and while the device runs.",
        Reading = "There is a common configuration capability each time. A device that never has one cannot be brought up, and the run says so.")]
    internal static void There_is_a_common_configuration_capability(CheckContext check) => VirtioStructureCapabilitiesChecks.IsThere(check, StructureType.Common);

    [Check("PCI-COMMON-D-03",
        Does = "Writes device_feature_select 0 and 1 in turn, values beyond in between, and reads device_feature each time.",
        Reading = "Words 0 and 1 read the same each time; every other word reads 0, since no feature bit is above 63.")]
    internal static void device_feature_shows_the_word_that_was_selected(CheckContext check)
    {
        var pci = check.Pci;
        var offered = check.Initial.OfferedFeatures;
        foreach (var beyond in SelectorsBeyond)
        {
            foreach (var (selector, expected) in ((uint, uint)[])[(1, (uint)(offered >> 32)), (beyond, 0), (0, (uint)offered)])
            {
                pci.WriteCommon(CommonField.DeviceFeatureSelect, selector);
                var word = pci.ReadCommon(CommonField.DeviceFeature);
                That(word == expected, $"device_feature 0x{expected:x} with device_feature_select 0x{selector:x}", $"0x{word:x}");
            }
        }
    }

    [Check("PCI-COMMON-D-04",
        Does = "Writes subsets of the offered bits to driver_feature, word by word, and reads both back by either order of selection; again once FEATURES_OK is set.",
        Reading = "Each word reads back what was last written to it.")]
    internal static void driver_feature_reads_back_what_was_accepted(CheckContext check)
    {
        var pci = check.Pci;
        Negotiation.Begin(check.Machine);
        foreach (var accepted in (ulong[])[check.Initial.OfferedFeatures, 0, check.Initial.OfferedFeatures & 0x5555_5555_5555_5555, check.Acceptable(Features.AcceptedByDefault)])
        {
            pci.WriteDriverFeatures(accepted);
            ReadsBack(pci, accepted, "");
        }
        pci.WriteStatus(DeviceStatus.Acknowledge | DeviceStatus.Driver | DeviceStatus.FeaturesOk);
        Given((pci.ReadStatus() & DeviceStatus.FeaturesOk) != 0, "the device refuses the features");
        ReadsBack(pci, check.Acceptable(Features.AcceptedByDefault), " after FEATURES_OK");
    }

    [Check("PCI-COMMON-D-05",
        Does = "Writes bits to driver_feature that are not offered, one at a time and all at once, and reads it back.",
        Reading = "Of what is not offered nothing reads back, or no more than was written: the remark tells which.")]
    internal static void driver_feature_shows_no_bit_that_was_not_written(CheckContext check)
    {
        var pci = check.Pci;
        var (mirrored, dropped) = (0, 0);
        Negotiation.Begin(check.Machine);
        foreach (var word in (uint[])[0, 1])
        {
            var offered = (uint)(check.Initial.OfferedFeatures >> (int)(32 * word));
            foreach (var invalid in (uint[])[~offered, .. Enumerable.Range(0, 32).Select(bit => 1u << bit).Where(bit => (bit & offered) == 0)])
            {
                pci.WriteCommon(CommonField.DriverFeatureSelect, word);
                pci.WriteCommon(CommonField.DriverFeature, invalid);
                var read = (uint)pci.ReadCommon(CommonField.DriverFeature);
                That((read & ~invalid) == 0, $"no bit in word {word} of driver_feature but those written, 0x{invalid:x}", $"0x{read:x}");
                if (read == 0) dropped++;
                else mirrored++;
            }
            pci.WriteCommon(CommonField.DriverFeature, 0);
        }
        check.Note = (mirrored, dropped) switch { (0, _) => "bits that are not offered are dropped", (_, 0) => "bits that are not offered are mirrored", _ => "some bits that are not offered are mirrored" };
    }

    [Check("PCI-COMMON-D-06",
        Does = "Has the operator of the machine change bypass 300 times, and reads the configuration and its generation before and after each.",
        Reading = "The generation after the changed value was read is another than after the value before was. N/A where nothing but the driver changes the configuration: "
            + "whether a write of the driver counts is open.")]
    internal static void The_generation_changes_once_a_changed_value_was_read(CheckContext check)
    {
        var pci = check.Pci;
        check.Requires(Features.BypassConfig);
        check.Start();
        var last = check.Machine.ReadBypass();
        for (var change = 1; change <= 300; change++)
        {
            var before = pci.ReadConfigGeneration();
            if (!ConfigurationChange.TryToggle(check)) throw new NotApplicableException("the target cannot be made to change its configuration by itself");
            var value = check.Machine.ReadBypass();
            var after = pci.ReadConfigGeneration();
            Given(value != last, $"bypass still reads {value} after a change");
            That(after != before, $"a config_generation other than {before} after change {change} of bypass was read", $"{after}");
            last = value;
        }
    }

    [Check("PCI-COMMON-D-07",
        Does = "Writes 0 to device_status of a device that runs, and takes the first step of initialisation again.",
        Reading = "device_status reads 0 in time, and then ACKNOWLEDGE alone.")]
    internal static void Writing_0_to_device_status_resets_a_running_device(CheckContext check)
    {
        var pci = check.Pci;
        Knock.GivenServed(check, check.Start());
        pci.WriteCommon(CommonField.DeviceStatus, 0);
        That(check.Machine.Await(() => pci.ReadCommon(CommonField.DeviceStatus) == 0), "device_status 0 after 0 was written", $"0x{pci.ReadCommon(CommonField.DeviceStatus):x2}");
        pci.WriteCommon(CommonField.DeviceStatus, (ulong)DeviceStatus.Acknowledge);
        var status = pci.ReadCommon(CommonField.DeviceStatus);
        That(status == (ulong)DeviceStatus.Acknowledge, "device_status 0x01 once ACKNOWLEDGE is written again", $"0x{status:x2}");
    }

    [Check("PCI-COMMON-D-07",
        Does = "Reads and writes 1, 2, 4 and 8 bytes at every offset of the virtio structures, aligned or not, right or wrong, and resets the device.",
        Reading = "What such accesses do is open, but for one thing: device_status reads 0 after the reset, and a driver then finds a device that works. One that dies of "
            + "them is a CRASH.")]
    internal static void A_device_is_reset_whatever_accesses_came_before(CheckContext check)
    {
        var pci = check.Pci;
        (ulong First, uint Length)[] structures = [(pci.Structures.Common, 0x40), (pci.Structures.Notify, 0x10), (pci.Structures.Isr, 4), (pci.Structures.Device, 0x30)];
        foreach (var (first, length) in structures)
        {
            foreach (var width in (int[])[1, 2, 4, 8])
            {
                for (var offset = 0u; offset < length; offset++)
                {
                    check.Machine.Target.MmioRead(first + offset, width);
                    check.Machine.Target.MmioWrite(first + offset, width, (ulong)check.Random.NextInt64(long.MinValue, long.MaxValue) >> (64 - 8 * width));
                }
            }
        }
        check.Machine.Journal.Add("accesses of 1, 2, 4 and 8 bytes to every byte of the structures");
        That(check.Machine.ResetDevice(), "device_status 0 after a reset", $"0x{pci.ReadCommon(CommonField.DeviceStatus):x2}");
        var knock = check.Start().Send(Knock.On(check));
        That(knock.IsReturned, "a request served after the reset", knock.Answer);
    }

    [Check("PCI-COMMON-D-08",
        Does = "Enables both queues, resets the device, and reads queue_enable of every queue.",
        Reading = "0 for each.")]
    internal static void queue_enable_reads_0_after_a_reset(CheckContext check)
    {
        var pci = check.Pci;
        check.Start();
        Given(pci.Queues().All(queue => pci.Of(queue, CommonField.QueueEnable) == 1 || queue > IommuDriver.EventQueueNumber), "an enabled queue does not read 1 in queue_enable");
        Given(check.Machine.ResetDevice(), "the status does not become 0 after a device reset");
        foreach (var queue in pci.Queues())
        {
            var enable = pci.Of(queue, CommonField.QueueEnable);
            That(enable == 0, $"queue_enable 0 of queue {queue} after the reset", $"{enable}");
        }
    }

    [Check("PCI-COMMON-D-14",
        Does = "Writes numbers from num_queues on, up to 1023, to queue_select, and reads queue_size.",
        Reading = "0: there are no such queues.")]
    internal static void queue_size_reads_0_for_a_queue_beyond_num_queues(CheckContext check)
    {
        var count = (int)check.Pci.ReadCommon(CommonField.NumQueues);
        IsUnavailable(check, [count, count + 1, count + 2, count + 3, .. ((int[])[16, 64, 255, 256, 1022, 1023]).Where(queue => queue >= count)]);
    }

    [Check("PCI-COMMON-D-14",
        Does = "Selects a queue that exists, writes 1024 and above to queue_select, and reads queue_size.",
        Reading = "0, whether queue_select reads back the number or not: a driver that selects a queue and finds a size takes the queue as there (4.1.5.1.3).")]
    internal static void queue_size_reads_0_for_the_highest_queue_numbers(CheckContext check) => IsUnavailable(check, [1024, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff]);

    [Check("PCI-COMMON-D-15",
        Does = "Negotiates without RING_PACKED, and reads queue_size of every queue; of a device that does not offer it, also before.",
        Reading = "A power of two, or 0.")]
    internal static void queue_size_is_a_power_of_2_without_RING_PACKED(CheckContext check)
    {
        var pci = check.Pci;
        if (!check.Offers(Features.RingPacked)) Read("after the reset");
        Negotiation.Begin(check.Machine);
        var accepted = check.Initial.OfferedFeatures & Features.AcceptedByDefault & ~Features.RingPacked;
        Given(Negotiation.Offer(check.Machine, accepted), $"the device refuses features 0x{accepted:x}");
        Read("with split rings negotiated");

        void Read(string when)
        {
            for (var queue = 0; queue < (int)pci.ReadCommon(CommonField.NumQueues); queue++)
            {
                var size = pci.Of(queue, CommonField.QueueSize);
                That((size & (size - 1)) == 0, $"queue_size of queue {queue} a power of two or 0 {when}", $"{size}");
            }
        }
    }

    [Check("DESC-PCI-01",
        Does = "Gives each queue a smaller queue_size, resets the device, and reads queue_size.",
        Reading = "The maximum again, as before. N/A where no queue has a size that can be made smaller.")]
    internal static void queue_size_is_the_maximum_after_a_reset(CheckContext check)
    {
        var pci = check.Pci;
        var maximum = pci.Queues().ToDictionary(queue => queue, queue => pci.Of(queue, CommonField.QueueSize));
        if (maximum.Values.All(size => size < 2)) throw new NotApplicableException("the queues have one descriptor at most");
        Initialisation.Negotiate(check);
        foreach (var (queue, size) in maximum) pci.Set(queue, CommonField.QueueSize, Math.Max(1, size / 2));
        Given(check.Machine.ResetDevice(), "the status does not become 0 after a device reset");
        foreach (var (queue, size) in maximum)
        {
            var now = pci.Of(queue, CommonField.QueueSize);
            That(now == size, $"queue_size {size}, the maximum, of queue {queue} after the reset", $"{now}");
        }
    }

    [Check("DESC-PCI-07",
        Does = "Writes other values to device_feature, num_queues, config_generation and queue_notify_off once features are negotiated.",
        Reading = "They read as before: they are read-only for the driver. N/A where the device answers such a write, which a driver must not make, with DEVICE_NEEDS_RESET.")]
    internal static void Fields_that_are_read_only_for_the_driver_keep_their_values(CheckContext check)
    {
        var pci = check.Pci;
        Initialisation.Negotiate(check);
        foreach (var (name, field) in ((string, CommonField)[])[("device_feature", CommonField.DeviceFeature), ("num_queues", CommonField.NumQueues),
            ("config_generation", CommonField.ConfigGeneration), ("queue_notify_off", CommonField.QueueNotifyOff)])
        {
            var before = pci.ReadCommon(field);
            pci.WriteCommon(field, ~before & (uint.MaxValue >> (32 - 8 * field.Width)));
            if ((pci.ReadStatus() & DeviceStatus.NeedsReset) != 0) throw new NotApplicableException($"the device sets DEVICE_NEEDS_RESET once {name} is written");
            var after = pci.ReadCommon(field);
            That(after == before, $"{name} 0x{before:x} as before the write", $"0x{after:x}");
        }
    }

    [Check("DESC-PCI-08",
        Does = "Sets DRIVER_OK with the request queue set up but not enabled, rings the doorbell of a request, and then enables the queue.",
        Reading = "Nothing is executed while queue_enable reads 0, and the request is once it is 1.")]
    internal static void A_queue_executes_requests_only_once_it_is_enabled(CheckContext check)
    {
        var pci = check.Pci;
        var driver = PrepareDisabled(check);
        Given(pci.Of(IommuDriver.RequestQueueNumber, CommonField.QueueEnable) == 0, "the request queue is enabled although nobody enabled it");
        Negotiation.SetDriverOk(check.Machine);
        var request = driver.MakeAvailable(Knock.On(check), Framing.Plain);
        var before = QueueSnapshot.OfBuffers(check.Machine, driver.Requests, request);
        driver.NotifyRequests();
        check.Machine.Target.Settle();
        before.IsUnchanged("the request queue left alone while queue_enable is 0");
    }

    [Check("DESC-PCI-08",
        Does = "Writes 0 to queue_enable of a running request queue, which a driver must not do, reads it back, and rings the doorbell of a request.",
        Reading = "Where queue_enable still reads 1 the request is executed, where it reads 0 it is not: the remark tells which. DEVICE_NEEDS_RESET is as good an answer.")]
    internal static void queue_enable_tells_the_truth_after_a_write_of_0(CheckContext check)
    {
        var pci = check.Pci;
        var driver = check.Start();
        Knock.GivenServed(check, driver);
        pci.Set(IommuDriver.RequestQueueNumber, CommonField.QueueEnable, 0);
        var enable = pci.Of(IommuDriver.RequestQueueNumber, CommonField.QueueEnable);
        var request = driver.MakeAvailable(Knock.On(check), Framing.Plain);
        var before = QueueSnapshot.OfBuffers(check.Machine, driver.Requests, request);
        if (!NeedsReset(check)) driver.NotifyRequests();
        check.Machine.Target.Settle();
        if (NeedsReset(check))
        {
            check.Note = "the device sets DEVICE_NEEDS_RESET on a write of 0 to queue_enable";
        }
        else if (enable == 0)
        {
            before.IsUnchanged("the request queue left alone while queue_enable is 0");
            check.Note = "a write of 0 to queue_enable disables the queue";
        }
        else
        {
            That(check.Machine.Await(() => before.Change() is not null || NeedsReset(check)), "requests executed while queue_enable is 1", "none is");
            check.Note = "a write of 0 to queue_enable changes nothing";
        }
    }

    private static bool NeedsReset(CheckContext check) => (check.Machine.Transport.ReadStatus() & DeviceStatus.NeedsReset) != 0;

    /// <summary>A driver that has told the device where the request queue is, without enabling it.</summary>
    private static IommuDriver PrepareDisabled(CheckContext check) => IommuDriver.Prepare(check.Machine, Initialisation.Negotiate(check), new DriverSettings(), enableQueues: false);

    private static void ReadsBack(PciTransport pci, ulong accepted, string when)
    {
        foreach (var word in (uint[])[0, 1, 1, 0])
        {
            var expected = (uint)(accepted >> (int)(32 * word));
            pci.WriteCommon(CommonField.DriverFeatureSelect, word);
            var read = pci.ReadCommon(CommonField.DriverFeature);
            That(read == expected, $"0x{expected:x} in word {word} of driver_feature{when}", $"0x{read:x}");
        }
    }

    private static void IsUnavailable(CheckContext check, IEnumerable<int> queues)
    {
        foreach (var queue in queues)
        {
            // A queue that exists is selected before, so that a selection that is not taken shows.
            check.Pci.WriteCommon(CommonField.QueueSelect, IommuDriver.RequestQueueNumber);
            var size = check.Pci.Of(queue, CommonField.QueueSize);
            That(size == 0, $"queue_size 0 for queue_select 0x{queue:x}, of {check.Pci.ReadCommon(CommonField.NumQueues)} queues",
                $"{size}, with queue_select reading back 0x{check.Pci.ReadCommon(CommonField.QueueSelect):x}");
        }
    }
}
