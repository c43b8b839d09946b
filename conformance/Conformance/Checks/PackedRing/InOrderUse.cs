using Viommu.Conformance.Checks.Rings;
using Viommu.Guest.Targets;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.PackedRing;

/// <summary>2.8.8 In-order use of descriptors.</summary>
internal static class InOrderUseChecks
{
    internal static TargetShape OfferingInOrder => InOrderBatches.Shape;

    [Check("DESC-PACKED-13", Shape = nameof(OfferingInOrder),
        Does = "Negotiates IN_ORDER, makes a batch of requests available at once, one of them of unknown type, and then another batch.",
        Reading = "Every list is used, with a used descriptor of its own or without; one stands in the place of the first list of its batch; a list that no used descriptor "
            + "names was written to its end. N/A where no device with IN_ORDER can be had.")]
    internal static void A_batch_with_one_used_descriptor_is_skipped_whole_and_was_written_whole(CheckContext check) =>
        InOrderBatches.AreCountedWholeAndWritten(check, queue => Packed(queue));
}
