using Viommu.Conformance.Checks.Core;
using Viommu.Conformance.Checks.Mmio;
using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Legacy;

/// <summary>4.2.4 Virtio Over MMIO: Legacy interface, which has no keyword at all.</summary>
internal static class MmioLegacyInterfaceChecks
{
    [Check("DESC-LEGACY-01",
        Does = "Reads Version after a reset, at each stage of initialisation, in operation, and after another reset.",
        Reading = "1 each time. N/A unless it was 1 from the start.")]
    internal static void Version_reads_1_at_all_times(CheckContext check) =>
        MmioDevice.AlwaysReads(check, MmioDevice.Legacy(check), MmioRegister.Version, "Version", 1);

    [Check("DESC-LEGACY-02",
        Does = "Places the request queue with several values of GuestPageSize, and sends more requests than the rings have room for.",
        Reading = "Each is served: the queue starts at QueuePFN times GuestPageSize, and QueuePFN reads back. Sizes below 4096 are not tried: no guest has such pages.")]
    internal static void QueuePFN_counts_in_pages_of_GuestPageSize(CheckContext check)
    {
        var mmio = MmioDevice.Legacy(check);
        var size = Math.Min((ushort)8, mmio.ReadQueueSize(IommuDriver.RequestQueueNumber));
        foreach (var pageSize in (int[])[4096, 8192, 16384, 65536])
        {
            // The used ring as well, since a driver aligns it to a page.
            var queue = HandmadeLegacyQueue.Over(check, mmio, size, pageSize, pageSize);
            var failure = queue.FindFailureOf(Knock.On(check));
            That(failure is null, $"requests served on a queue at 0x{queue.Rings.Addresses.Descriptors:x}, in pages of {pageSize}", failure ?? "");
            var page = MmioDevice.ReadOf(mmio, IommuDriver.RequestQueueNumber, MmioRegister.QueuePfn);
            var expected = queue.Rings.Addresses.Descriptors / (ulong)pageSize;
            That(page == expected, $"QueuePFN 0x{expected:x}, as written", $"0x{page:x}");
        }
    }

    [Check("DESC-LEGACY-03",
        Does = "Reads QueuePFN of both queues before they are placed, while they are in use, and once one of them was given up.",
        Reading = "0 of a queue that is not in use, else the page that was written, for each queue by itself.")]
    internal static void QueuePFN_reads_the_page_of_the_queue_in_use(CheckContext check)
    {
        var mmio = MmioDevice.Legacy(check);
        Given(check.Machine.ResetDevice(), "the status does not become 0 after a device reset");
        Read("before they are placed", 0, 0);
        var driver = check.Start();
        var (requests, events) = (PageOf(driver.Requests), PageOf(driver.Events));
        Read("while they are in use", requests, events);
        MmioDevice.WriteOf(mmio, IommuDriver.EventQueueNumber, MmioRegister.QueuePfn, 0);
        Read("once 0 was written of the event queue", requests, 0);

        uint PageOf(DriverQueue queue) => (uint)(queue.Addresses.Descriptors / (ulong)mmio.LegacyQueueAlignment!);

        void Read(string when, params uint[] expected)
        {
            for (var queue = 0; queue < expected.Length; queue++)
            {
                var page = MmioDevice.ReadOf(mmio, queue, MmioRegister.QueuePfn);
                That(page == expected[queue], $"QueuePFN 0x{expected[queue]:x} of queue {queue} {when}", $"0x{page:x}");
            }
        }
    }

    [Check("DESC-LEGACY-04",
        Does = "Uses the request queue, writes 0 to its QueuePFN, makes a request available where it was, and notifies.",
        Reading = "Queue memory and buffers stay as they are.")]
    internal static void A_queue_whose_QueuePFN_is_0_is_left_alone(CheckContext check)
    {
        var mmio = MmioDevice.Legacy(check);
        var driver = check.Start();
        Knock.GivenServed(check, driver);
        check.Machine.Journal.Add("QueuePFN = 0 of the request queue");
        MmioDevice.WriteOf(mmio, IommuDriver.RequestQueueNumber, MmioRegister.QueuePfn, 0);
        var request = driver.MakeAvailable(Knock.On(check), Framing.Plain);
        var before = new QueueSnapshot(check.Machine, driver.Requests, request);
        driver.NotifyRequests();
        check.Machine.Target.Settle();
        before.IsUnchanged("the request queue left alone once 0 was written to its QueuePFN");
    }

    [Check("DESC-LEGACY-05",
        Does = "Uses a device, and writes 0 to its Status.",
        Reading = "QueuePFN reads 0 for both queues.")]
    internal static void A_reset_sets_every_QueuePFN_to_0(CheckContext check)
    {
        var mmio = MmioDevice.Legacy(check);
        var driver = check.Start();
        Knock.GivenServed(check, driver);
        Given(check.Machine.ResetDevice(), "the status does not become 0 after a device reset");
        for (var queue = 0; queue < 2; queue++)
        {
            var page = MmioDevice.ReadOf(mmio, queue, MmioRegister.QueuePfn);
            That(page == 0, $"QueuePFN 0 of queue {queue} after a reset", $"0x{page:x}");
        }
    }

    [Check("DESC-LEGACY-06",
        Does = "Selects queues past the two of a virtio-iommu, up to the highest number that a queue can have, and reads QueueSizeMax.",
        Reading = "0 for each, and what was there before for the two that exist.")]
    internal static void QueueSizeMax_of_version_1_reads_0_for_a_queue_that_is_not_available(CheckContext check)
    {
        var mmio = MmioDevice.Legacy(check);
        MmioDevice.IsZeroOfMissingQueues("QueueSizeMax", queue => MmioDevice.ReadOf(mmio, queue, MmioRegister.QueueSizeMax));
    }
}
