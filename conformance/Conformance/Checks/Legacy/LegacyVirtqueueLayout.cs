using System.Buffers.Binary;
using Viommu.Conformance.Checks.Core;
using Viommu.Conformance.Checks.Mmio;
using Viommu.Guest.Driver;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Legacy;

/// <summary>2.7.2 and 2.7.3 Legacy Interfaces: A Note on Virtqueue Layout, and on Virtqueue Endianness.</summary>
internal static class LegacyVirtqueueLayoutChecks
{
    private const int PageSize = 4096;

    [Check("LEGACY-VQ-D-01", Also = ["DESC-LEGACY-07"],
        Does = "Places request queues of several sizes over virtio-mmio version 1, with several values of QueueAlign, and sends more requests than the rings have room for.",
        Reading = "Each is served: the available ring follows the descriptor table, the used ring starts at the next multiple of QueueAlign. The macro of the text adds the whole "
            + "alignment, and is right only if qalign is meant to be a mask. N/A on other transports.")]
    internal static void The_parts_of_a_queue_follow_each_other_over_MMIO(CheckContext check)
    {
        var mmio = MmioDevice.Legacy(check);
        var maximum = mmio.ReadQueueSize(IommuDriver.RequestQueueNumber);
        foreach (var size in ((int[])[2, 8, 64, 256]).Where(size => size <= maximum))
        {
            foreach (var alignment in (int[])[PageSize, 64, 512, 4 * PageSize])
            {
                var queue = HandmadeLegacyQueue.Over(check, mmio, (ushort)size, alignment, PageSize);
                var failure = queue.FindFailureOf(Knock.On(check));
                That(failure is null, $"requests served on a queue of {size} descriptors, its used ring aligned to {alignment}", failure ?? "");
            }
        }
    }

    [Check("LEGACY-VQ-D-01",
        Does = "Places the request queue through the legacy interface of virtio-pci, and sends more requests than the rings have room for.",
        Reading = "Each is served: the available ring follows the descriptor table, the used ring starts at the next multiple of 4096. " + LegacyInterfaceUse.Extension)]
    internal static void The_parts_of_a_queue_follow_each_other_over_PCI(CheckContext check)
    {
        LegacyInterfaceUse.Pci(check);
        var driver = LegacyInterfaceUse.StopBeforeDriverOk(check, new DriverSettings());
        Negotiation.SetDriverOk(check.Machine);
        for (var sent = 0; sent < driver.Requests.Size + 2; sent++) LegacyInterfaceUse.IsServed(check, driver, $"as number {sent + 1} on a queue of {driver.Requests.Size}");
    }

    [Check("LEGACY-VQ-D-02",
        Does = "Sends a request on a fresh queue, and looks at the bytes of the used ring.",
        Reading = "used.idx 1 and the element are little-endian, as the descriptors were: guests of every target there is are. N/A without a legacy interface.")]
    internal static void The_fields_of_a_queue_are_in_the_byte_order_of_the_guest(CheckContext check)
    {
        LegacyInterfaceUse.Require(check);
        var driver = check.Start();
        var queue = Split(driver.Requests);
        var knock = Knock.MakeAvailableAndNotify(check, driver);
        var ring = new byte[12];
        check.Machine.Await(() =>
        {
            check.Machine.Target.Ram.Read(queue.Addresses.Device, ring);
            return ring[2] != 0 || ring[3] != 0;
        });
        var (index, id, length) = (
            BinaryPrimitives.ReadUInt16LittleEndian(ring.AsSpan(2)), BinaryPrimitives.ReadUInt32LittleEndian(ring.AsSpan(4)), BinaryPrimitives.ReadUInt32LittleEndian(ring.AsSpan(8)));
        That(index == 1 && id == knock.Chain && length <= Request.TailSize,
            $"idx 1, id {knock.Chain} and a len up to {Request.TailSize} in the used ring, little-endian", $"0x{Convert.ToHexStringLower(ring)}");
    }
}
