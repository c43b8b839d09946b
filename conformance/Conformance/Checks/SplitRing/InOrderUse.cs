using Viommu.Conformance.Checks.Rings;
using Viommu.Guest.Targets;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.SplitRing;

/// <summary>2.7.9 In-order use of descriptors.</summary>
internal static class InOrderUseChecks
{
    internal static TargetShape OfferingInOrder => InOrderBatches.Shape;

    [Check("DESC-SPLIT-06", Shape = nameof(OfferingInOrder),
        Does = "Negotiates IN_ORDER, makes a batch of requests available at once, one of them of unknown type, and then another batch.",
        Reading = "used.idx counts every chain, with an element of its own or without; an element stands in the place of the first chain of its batch; a chain that no element "
            + "names was written to its end. N/A where no device with IN_ORDER can be had.")]
    internal static void A_batch_with_one_used_element_is_counted_whole_and_was_written_whole(CheckContext check) =>
        InOrderBatches.AreCountedWholeAndWritten(check, queue => Split(queue));
}
