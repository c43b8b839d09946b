using Viommu.Conformance.Checks.Rings;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.SplitRing;

/// <summary>2.7.4 Message Framing.</summary>
internal static class MessageFramingChecks
{
    [Check("SPLIT-FRAMING-D-01",
        Does = "Sends the same requests with their device-readable part whole, and cut into two to five descriptors inside the head, inside fields, between them, and at random.",
        Reading = "The same statuses and properties each time.")]
    internal static void A_request_is_understood_however_its_readable_part_is_cut(CheckContext check)
    {
        var driver = check.Start();
        Split(driver.Requests);
        Cuts.OfReadablePart(check, driver);
    }

    [Check("SPLIT-FRAMING-D-01",
        Does = "Sends the same requests with their device-writable part whole, and cut in front of the tail and inside it, up to byte by byte.",
        Reading = "The same statuses and properties each time: an answer goes on in the next descriptor where one ends.")]
    internal static void An_answer_is_written_however_the_writable_part_is_cut(CheckContext check)
    {
        var driver = check.Start();
        Split(driver.Requests);
        Cuts.OfWritablePart(check, driver);
    }

    [Check("SPLIT-FRAMING-D-02",
        Does = "Sends a request in 2, 4, 8 descriptors and so on, most of them of one byte, until the ring is full or the device refuses.",
        Reading = "Any limit is fine, and the remark tells which was found; after a reset a short chain is served again.")]
    internal static void Refusing_a_long_chain_ends_with_the_next_reset(CheckContext check) => LongChains.GrowUntilRefused(check, queue => Split(queue).Size);
}
