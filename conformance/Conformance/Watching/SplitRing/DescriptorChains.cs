using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.SplitRing;

/// <summary>Message Framing (2.7.4), The Virtqueue Descriptor Table and Indirect Descriptors (2.7.5), driver's side.</summary>
internal static class DescriptorChains
{
    private const ulong MostBytes = 1UL << 32;

    // The text's example of too many is 1500 for 1500 bytes; no buffer of a virtio-iommu has a reason for more than a few.
    private const int Excessive = 64;

    [Rule("SPLIT-FRAMING-V-01", Needs = Sight.Rings,
        Does = "Walks every chain that the driver makes available.",
        Reading = "No device-readable buffer follows a device-writable one.")]
    public static void Writable_buffers_follow_readable_ones(Judge judge, ChainAvailable seen)
    {
        if (IsSplit(judge)) BufferOrder.Judge(judge, seen.Chain);
    }

    [Rule("SPLIT-FRAMING-V-02", Needs = Sight.Rings,
        Does = "Counts the buffers of every chain that the driver makes available.",
        Reading = "64 at most: what is excessive the text does not say, but requests and reports of a virtio-iommu have less than a page.")]
    public static void Chains_are_not_cut_into_excessively_many_descriptors(Judge judge, ChainAvailable seen)
    {
        if (IsSplit(judge)) judge.That(seen.Chain.Buffers.Count() <= Excessive, $"{Excessive} descriptors at most for a buffer", $"{seen.Chain}");
    }

    [Rule("SPLIT-DESC-V-01", Needs = Sight.Rings,
        Does = "Adds up the lengths of every chain, and looks for descriptors that it reaches twice.",
        Reading = "2^32 bytes at most, and no loop.")]
    public static void A_chain_is_no_longer_than_4_GiB_and_does_not_loop(Judge judge, ChainAvailable seen)
    {
        if (!IsSplit(judge)) return;
        var bytes = seen.Chain.Buffers.Aggregate(0UL, (sum, buffer) => sum + buffer.Descriptor.Length);
        judge.That(bytes <= MostBytes, "2^32 bytes in a chain at most", $"{bytes} in {seen.Chain}");
        var twice = seen.Chain.Elements.GroupBy(element => (element.Slot, element.IsInTable)).FirstOrDefault(group => group.Count() > 1);
        judge.That(twice is null, "a chain without loops", $"descriptor {twice?.Key.Slot} comes again in {seen.Chain}");
    }

    [Rule("SPLIT-DESC-V-02", Needs = Sight.Rings | Sight.Registers,
        Does = "With IN_ORDER, reads next of every descriptor that goes on.",
        Reading = "It is the slot behind, and 0 for the last of the table.")]
    public static void With_IN_ORDER_descriptors_follow_one_another_in_the_table(Judge judge, ChainAvailable seen)
    {
        if (!IsSplit(judge) || !judge.Driver.Has(Features.InOrder) || judge.Driver.Queue(seen.Chain.Queue).Size is not { } size) return;
        foreach (var (slot, descriptor, _) in seen.Chain.Elements.Where(element => !element.IsInTable && GoesOn(element)))
        {
            var expected = (ulong)slot == size - 1 ? 0 : slot + 1;
            judge.That(descriptor.NextOrId == expected, $"next {expected} in slot {slot} of {size}", $"{descriptor.NextOrId}");
        }
    }

    [Rule("SPLIT-INDIRECT-V-01", Needs = Sight.Rings | Sight.Registers,
        Does = "Without INDIRECT_DESC, looks at the flags of every descriptor made available.",
        Reading = "INDIRECT is in none.")]
    public static void INDIRECT_is_not_set_without_the_feature(Judge judge, ChainAvailable seen)
    {
        if (IsSplit(judge)) Indirect.OnlyWithTheFeature(judge, seen.Chain);
    }

    [Rule("SPLIT-INDIRECT-V-02", Needs = Sight.Rings,
        Does = "Looks at the flags of every descriptor in an indirect table.",
        Reading = "INDIRECT is in none.")]
    public static void Indirect_tables_are_not_nested(Judge judge, ChainAvailable seen)
    {
        if (!IsSplit(judge)) return;
        foreach (var element in seen.Chain.Elements.Where(element => element.IsInTable)) judge.That(!element.IsTable, "no INDIRECT inside an indirect table", $"{element.Descriptor} in {seen.Chain}");
    }

    [Rule("SPLIT-INDIRECT-V-03", Needs = Sight.Rings | Sight.Registers,
        Does = "Counts the descriptors of every chain, those of its indirect table included.",
        Reading = "No more than the queue has.")]
    public static void A_chain_is_no_longer_than_the_queue(Judge judge, ChainAvailable seen)
    {
        if (!IsSplit(judge) || judge.Driver.Queue(seen.Chain.Queue).Size is not { } size) return;
        judge.That((ulong)seen.Chain.Buffers.Count() <= size && !IsEndless(seen.Chain), $"{size} descriptors at most, as queue {seen.Chain.Queue} has", $"{seen.Chain}");
    }

    [Rule("SPLIT-INDIRECT-V-04", Needs = Sight.Rings,
        Does = "Looks at the flags of every descriptor that refers to an indirect table.",
        Reading = "NEXT is not beside INDIRECT.")]
    public static void INDIRECT_and_NEXT_are_not_set_together(Judge judge, ChainAvailable seen)
    {
        if (!IsSplit(judge)) return;
        foreach (var element in seen.Chain.Elements.Where(element => element.IsTable)) judge.That(!GoesOn(element), "INDIRECT without NEXT", $"{element.Descriptor} in {seen.Chain}");
    }

    [Rule("SPLIT-INDIRECT-V-05", Needs = Sight.Rings | Sight.Registers,
        Does = "With IN_ORDER, reads next of the descriptors in indirect tables.",
        Reading = "1 in the first, 2 in the second and so on.")]
    public static void With_IN_ORDER_indirect_descriptors_are_sequential(Judge judge, ChainAvailable seen)
    {
        if (!IsSplit(judge) || !judge.Driver.Has(Features.InOrder)) return;
        var table = seen.Chain.Elements.Where(element => element.IsInTable).ToList();
        for (var i = 0; i < table.Count; i++)
        {
            if (GoesOn(table[i])) judge.That(table[i].Slot == i && table[i].Descriptor.NextOrId == i + 1, $"next {i + 1} in entry {i} of the table", $"next {table[i].Descriptor.NextOrId} in entry {table[i].Slot}");
        }
    }

    private static bool IsSplit(Judge judge) => judge.Driver.HasNot(Features.RingPacked);

    private static bool GoesOn(ChainElement element) => (element.Descriptor.Flags & DescriptorFlags.Next) != 0;

    // The walk of a chain ends with the queue's size, wherever that leads.
    private static bool IsEndless(Chain chain) => chain.Elements.Count > 0 && chain.Elements[^1] is { IsInTable: false, IsTable: false } last && GoesOn(last);
}

/// <summary>What both kinds of ring ask of the order of buffers.</summary>
internal static class BufferOrder
{
    public static void Judge(Judge judge, Chain chain)
    {
        var late = chain.Buffers.SkipWhile(buffer => !buffer.IsWritable).FirstOrDefault(buffer => !buffer.IsWritable);
        judge.That(late == default, "no device-readable buffer behind a device-writable one", $"{late.Descriptor} in {chain}");
    }
}

/// <summary>What both kinds of ring ask of the INDIRECT flag.</summary>
internal static class Indirect
{
    public static void OnlyWithTheFeature(Judge judge, Chain chain)
    {
        if (!judge.Driver.HasNot(Features.IndirectDesc)) return;
        var indirect = chain.Elements.FirstOrDefault(element => element.IsTable);
        judge.That(indirect == default, "no INDIRECT flag without INDIRECT_DESC negotiated", $"{indirect.Descriptor} in {chain}");
    }
}
