using Viommu.Conformance.Checks.Rings;
using Viommu.Guest.Driver;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.PackedRing;

/// <summary>2.8.18 Scatter-Gather Support.</summary>
internal static class ScatterGatherChecks
{
    [Check("PACKED-SG-D-01", Uses = ["PACKED-SUPPLY-V-01"],
        Does = "Sends the same requests with their device-readable part whole, and cut into two to five descriptors inside the head, inside fields, between them, and at random.",
        Reading = "The same statuses and properties each time: the pieces are read in the order of the list.")]
    internal static void A_list_is_read_in_its_order(CheckContext check)
    {
        var driver = check.Start();
        Packed(driver.Requests);
        Cuts.OfReadablePart(check, driver);
    }

    [Check("PACKED-SG-D-01",
        Does = "Sends the same requests with their device-writable part whole, and cut in front of the tail and inside it, up to byte by byte.",
        Reading = "The same statuses and properties each time: the pieces are written in the order of the list.")]
    internal static void A_list_is_written_in_its_order(CheckContext check)
    {
        var driver = check.Start();
        Packed(driver.Requests);
        Cuts.OfWritablePart(check, driver);
    }

    [Check("PACKED-SG-D-01",
        Does = "The same in a ring of seven descriptors, so that lists go on from its end to its start.",
        Reading = "The same statuses and properties each time.")]
    internal static void A_list_goes_on_from_the_end_of_the_ring_to_its_start(CheckContext check)
    {
        const ushort Size = 7;
        Packed(check.Start().Requests);
        if (check.Machine.Transport.ReadQueueSize(IommuDriver.RequestQueueNumber) < Size) throw new NotApplicableException($"the request queue has fewer than {Size} descriptors");
        var driver = check.Start(new DriverSettings { RequestQueueSize = Size });
        Packed(driver.Requests);
        Cuts.OfReadablePart(check, driver);
    }

    [Check("PACKED-SG-D-02",
        Does = "Sends a request in 2, 4, 8 descriptors and so on, most of them of one byte, until the ring is full or the device refuses.",
        Reading = "Any limit is fine, and the remark tells which was found; after a reset a short list is served again.")]
    internal static void Refusing_a_long_list_ends_with_the_next_reset(CheckContext check) => LongChains.GrowUntilRefused(check, queue => Packed(queue).Size);
}
