using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Mmio;

/// <summary>4.2.2 MMIO Device Register Layout, and 4.2.3.4 Notifications From The Device, where they speak without keywords.</summary>
internal static class MmioRegisterTableChecks
{
    private const uint Used = (uint)Notifications.Used;

    [Check("DESC-MMIO-01",
        Does = "Selects the two words of offered features in random order, and reads each several times.",
        Reading = "Each word reads the same whenever it is selected.")]
    internal static void DeviceFeatures_reads_the_word_that_is_selected(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        var offered = check.Initial.OfferedFeatures;
        for (var i = 0; i < 32; i++)
        {
            var word = check.Random.Next(2);
            mmio.Write(MmioRegister.DeviceFeaturesSel, (uint)word);
            for (var look = 0; look < 2; look++)
            {
                var (expected, bits) = ((uint)(offered >> (32 * word)), mmio.Read(MmioRegister.DeviceFeatures));
                That(bits == expected, $"DeviceFeatures 0x{expected:x8}, as before, with DeviceFeaturesSel {word}", $"0x{bits:x8}");
            }
        }
    }

    [Check("DESC-MMIO-02",
        Does = "Accepts features as drivers do; then, after a reset, writes 0 into both words, and over that the same features, the high word first.",
        Reading = "FEATURES_OK is set both times: what was written last to each word counts.")]
    internal static void DriverFeatures_sets_the_word_that_is_selected(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        var features = check.Acceptable(Features.AcceptedByDefault);
        Negotiation.Begin(check.Machine);
        Given(Negotiation.Offer(check.Machine, features), $"the device refuses features 0x{features:x}");

        Negotiation.Begin(check.Machine);
        Write(0, 0);
        Write(1, 0);
        Write(1, (uint)(features >> 32));
        Write(0, (uint)features);
        mmio.WriteStatus(DeviceStatus.Acknowledge | DeviceStatus.Driver | DeviceStatus.FeaturesOk);
        var status = mmio.ReadStatus();
        That((status & DeviceStatus.FeaturesOk) != 0, $"features 0x{features:x} accepted, the high word first", $"status 0x{(byte)status:x2}");

        void Write(uint word, uint bits)
        {
            check.Machine.Journal.Add($"DriverFeaturesSel = {word}, DriverFeatures = 0x{bits:x8}");
            mmio.Write(MmioRegister.DriverFeaturesSel, word);
            mmio.Write(MmioRegister.DriverFeatures, bits);
        }
    }

    [Check("DESC-MMIO-03",
        Does = "Selects queues past the two of a virtio-iommu, up to the highest number that a queue can have, and reads QueueSizeMax.",
        Reading = "0 for each, and what was there before for the two that exist.")]
    internal static void QueueSizeMax_reads_0_for_a_queue_that_is_not_available(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        MmioDevice.IsZeroOfMissingQueues("QueueSizeMax", queue => MmioDevice.ReadOf(mmio, queue, MmioRegister.QueueSizeMax));
    }

    [Check("DESC-MMIO-04",
        Does = "Selects shared memory regions, of which a virtio-iommu has none, and reads length and base.",
        Reading = "-1 for the length, 0xffffffffffffffff for the base. A region that a device has all the same, with a length of its own, is not looked at.")]
    internal static void Shared_memory_that_does_not_exist_reads_as_minus_1(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        foreach (var id in (uint[])[0, 1, 2, 255])
        {
            mmio.Write(MmioRegister.ShmSel, id);
            var length = Wide(MmioRegister.ShmLenLow, MmioRegister.ShmLenHigh);
            var place = Wide(MmioRegister.ShmBaseLow, MmioRegister.ShmBaseHigh);
            That(length == ulong.MaxValue && place == ulong.MaxValue, $"length and base of shared memory region {id} -1 and 0xffffffffffffffff", $"length 0x{length:x}, base 0x{place:x}");
        }

        ulong Wide(uint low, uint high) => mmio.Read(low) | (ulong)mmio.Read(high) << 32;
    }

    [Check("DESC-MMIO-05",
        Does = "Compares the interrupt line with InterruptStatus while nothing has happened, after a used buffer, after its acknowledgement, and after a reset with one pending.",
        Reading = "The line is asserted where a bit is set, and only there. N/A where the target does not show its line.")]
    internal static void The_interrupt_is_asserted_while_InterruptStatus_is_not_0(CheckContext check)
    {
        var mmio = MmioDevice.Any(check);
        var target = check.Machine.Target;
        if (target.InterruptLine is null) throw new NotApplicableException("the target does not show the interrupt line of the device");
        var driver = check.Start(Listening.Settings(check));
        Listening.Forget(check.Machine);
        Agree("while nothing has happened");
        for (var round = 0; round < 3; round++)
        {
            GivenPending();
            Agree("after a used buffer");
            mmio.Write(MmioRegister.InterruptAck, Used);
            Agree("after the acknowledgement");
        }
        GivenPending();
        Given(check.Machine.ResetDevice(), "the status does not become 0 after a device reset");
        Agree("after a reset");

        void GivenPending()
        {
            Knock.GivenServed(check, driver);
            Given(check.Machine.Await(() => (mmio.Read(MmioRegister.InterruptStatus) & Used) != 0), "no used buffer notification is seen");
        }

        void Agree(string when)
        {
            var status = mmio.Read(MmioRegister.InterruptStatus);
            var agrees = check.Machine.Await(() => target.InterruptLine == (status != 0));
            That(agrees, $"the interrupt {(status != 0 ? "" : "not ")}asserted {when}, with InterruptStatus 0x{status:x}", $"it is{(status != 0 ? " not" : "")}");
        }
    }

    [Check("DESC-MMIO-06",
        Does = "Reads the halves of the 64-bit fields in random order, and writes and reads bypass by 8 bits in between.",
        Reading = "Each half reads the same each time, and bypass what was written to it. N/A for bypass where BYPASS_CONFIG is not offered.")]
    internal static void Each_field_of_the_configuration_is_accessed_by_itself(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        var driver = check.Start();
        var words = Enumerable.Range(0, 10).Where(word => word < 2 || IsThere(check, word)).ToDictionary(word => word, word => mmio.ReadConfig(4 * word, 4));
        var hasBypass = driver.Has(Features.BypassConfig);
        var bypass = hasBypass ? mmio.ReadConfig(IommuConfig.BypassOffset, 1) : 0;
        var order = words.Keys.ToArray();
        for (var round = 0; round < 8; round++)
        {
            check.Random.Shuffle(order);
            foreach (var word in order)
            {
                if (hasBypass && check.Random.Next(2) == 0) mmio.WriteConfig(IommuConfig.BypassOffset, 1, bypass ^= 1);
                if (hasBypass) Reads(IommuConfig.BypassOffset, 1, bypass);
                Reads(4 * word, 4, words[word]);
            }
        }

        void Reads(int offset, int width, ulong expected)
        {
            var value = mmio.ReadConfig(offset, width);
            That(value == expected, $"0x{expected:x} in the {width} bytes at offset 0x{0x100 + offset:x}", $"0x{value:x}");
        }
    }

    [Check("DESC-MMIO-07",
        Does = "Makes the two queues ready one after the other, and stops them again.",
        Reading = "QueueReady of each reads what was last written to it.")]
    internal static void QueueReady_reads_the_value_written_last(CheckContext check)
    {
        var mmio = MmioDevice.Modern(check);
        var features = check.Acceptable(Features.AcceptedByDefault);
        Negotiation.Begin(check.Machine);
        Given(Negotiation.Offer(check.Machine, features), $"the device refuses features 0x{features:x}");
        Read("before they are set up", 0, 0);
        IommuDriver.Prepare(check.Machine, features, new DriverSettings());
        Read("once both were made ready", 1, 1);
        Stop(IommuDriver.RequestQueueNumber);
        Read("once the request queue was stopped", 0, 1);
        Stop(IommuDriver.EventQueueNumber);
        Read("once both were stopped", 0, 0);

        void Stop(int queue) => MmioDevice.WriteOf(mmio, queue, MmioRegister.QueueReady, 0);

        void Read(string when, params uint[] expected)
        {
            for (var queue = 0; queue < expected.Length; queue++)
            {
                var ready = MmioDevice.ReadOf(mmio, queue, MmioRegister.QueueReady);
                That(ready == expected[queue], $"QueueReady {expected[queue]} of queue {queue} {when}", $"0x{ready:x}");
            }
        }
    }

    [Check("DESC-MMIO-08",
        Does = "Reads ConfigGeneration and the configuration again and again while the device is initialised and used.",
        Reading = "Where no field reads differently than before, ConfigGeneration reads the same. Nothing here changes the configuration.")]
    internal static void ConfigGeneration_stays_while_the_configuration_does(CheckContext check)
    {
        ConfigurationVersion.ForEach(check, MmioDevice.Modern(check), (last, now, when) => That(
            last.Config != now.Config || last.Generation == now.Generation,
            $"ConfigGeneration {last.Generation} {when}, as before, the configuration being the same", $"{now.Generation}"));
    }

    [Check("DESC-MMIO-09",
        Does = "Starts with a request queue smaller than QueueSizeMax, and sends requests until its rings have wrapped.",
        Reading = "Each is served. N/A where QueueSizeMax is too small to go below it.")]
    internal static void A_queue_has_the_size_written_to_QueueSize(CheckContext check)
    {
        var mmio = MmioDevice.Any(check);
        var maximum = mmio.ReadQueueSize(IommuDriver.RequestQueueNumber);
        if (maximum < 4) throw new NotApplicableException($"the request queue has {maximum} descriptors at most");
        for (var size = 2; size < Math.Min(maximum, (ushort)128); size *= 2)
        {
            var driver = check.Start(new DriverSettings { RequestQueueSize = (ushort)size });
            for (var sent = 1; sent <= 2 * size + 1; sent++)
            {
                var knock = Knock.MakeAvailableAndNotify(check, driver);
                That(check.Machine.Await(() => driver.Requests.TryTakeUsed(out var used) && used.Id == knock.Chain),
                    $"request {sent} served on a queue of {size} descriptors, {maximum} being the maximum", "it does not come back as the next one");
            }
        }
    }

    // 5.13.4: input_range 8 to 23, domain_range 24 to 31, probe_size 32 to 35; a field of a feature that is not offered means nothing.
    private static bool IsThere(CheckContext check, int word) => word switch
    {
        < 6 => check.Offers(Features.InputRange),
        < 8 => check.Offers(Features.DomainRange),
        8 => check.Offers(Features.Probe),
        _ => false,
    };
}
