using Viommu.Conformance.Watching.SplitRing;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.PackedRing;

/// <summary>Scatter-Gather Support (2.8.17) and Indirect Descriptors (2.8.19) of packed virtqueues, driver's side.</summary>
internal static class ScatterGather
{
    [Rule("PACKED-SG-V-01", Also = ["PACKED-SG-V-02"], Needs = Sight.Rings | Sight.Registers,
        Does = "Counts the descriptors of every list in the ring.",
        Reading = "No more than the queue has: a virtio-iommu sets no other limit.")]
    public static void A_list_is_no_longer_than_the_queue(Judge judge, ChainAvailable seen)
    {
        if (!IsPacked(judge) || judge.Driver.Queue(seen.Chain.Queue).Size is not { } size) return;
        var goesOn = seen.Chain.Elements.LastOrDefault(element => !element.IsInTable) is var last && (last.Descriptor.Flags & DescriptorFlags.Next) != 0;
        judge.That(
            (ulong)seen.Chain.RingDescriptors < size || ((ulong)seen.Chain.RingDescriptors == size && !goesOn),
            $"{size} descriptors at most, as queue {seen.Chain.Queue} has", $"{seen.Chain}");
    }

    [Rule("PACKED-SG-V-03", Needs = Sight.Rings | Sight.Registers,
        Does = "Walks every list that the driver makes available.",
        Reading = "No device-readable buffer follows a device-writable one.")]
    public static void Writable_buffers_follow_readable_ones(Judge judge, ChainAvailable seen)
    {
        if (IsPacked(judge)) BufferOrder.Judge(judge, seen.Chain);
    }

    [Rule("PACKED-SG-V-04", Needs = Sight.Memory | Sight.Registers,
        Does = "Where a list has begun and not ended, looks whether the driver notifies the device or waits for it.",
        Reading = "It does neither: a list is written out whole, whatever the device does meanwhile.")]
    public static void A_list_is_written_out_without_waiting_for_the_device(Judge judge, Observation seen)
    {
        if (!IsPacked(judge)) return;
        var unfinished = judge.Keep<Dictionary<int, Chain>>();
        switch (seen)
        {
            case ChainAvailable { Chain: var chain }:
                if (IsUnfinished(chain)) unfinished[chain.Queue] = chain;
                else if (!unfinished.Remove(chain.Queue)) judge.Kept();
                break;
            case Doorbell or DriverWaits when unfinished.Count > 0:
                judge.That(false, "the whole list written out first", $"{seen} with the rest missing of {unfinished.Values.First()}");
                unfinished.Clear();
                break;
        }
    }

    [Rule("PACKED-SG-V-05", Needs = Sight.Memory | Sight.Registers,
        Does = "Adds up the descriptors that the device has when another list is made available.",
        Reading = "With those of the list they are no more than the queue has.")]
    public static void There_is_room_for_a_whole_list_before_it_begins(Judge judge, ChainAvailable seen)
    {
        var queue = judge.Driver.Queue(seen.Chain.Queue);
        if (!IsPacked(judge) || queue.Size is not { } size) return;
        var taken = queue.Outstanding.Sum(chain => chain.RingDescriptors);
        judge.That((ulong)(taken + seen.Chain.RingDescriptors) <= size, $"room for {seen.Chain.RingDescriptors} of {size} descriptors", $"the device has {taken}");
    }

    [Rule("PACKED-SG-V-06", Needs = Sight.Memory | Sight.Registers,
        Does = "When the first descriptor of a list becomes available, walks the rest.",
        Reading = "All of it is available by then.")]
    public static void The_first_descriptor_becomes_available_last(Judge judge, ChainAvailable seen)
    {
        if (IsPacked(judge)) judge.That(!IsUnfinished(seen.Chain), "every other descriptor of a list available before its first", $"{seen.Chain}");
    }

    [Rule("PACKED-INDIRECT-V-01", Needs = Sight.Rings | Sight.Registers,
        Does = "Without INDIRECT_DESC, looks at the flags of every descriptor made available.",
        Reading = "INDIRECT is in none.")]
    public static void INDIRECT_is_not_set_without_the_feature(Judge judge, ChainAvailable seen)
    {
        if (IsPacked(judge)) Indirect.OnlyWithTheFeature(judge, seen.Chain);
    }

    [Rule("PACKED-INDIRECT-V-02", Needs = Sight.Rings | Sight.Registers,
        Does = "Looks at the flags of every descriptor in an indirect table.",
        Reading = "WRITE at most.")]
    public static void Entries_of_an_indirect_table_have_WRITE_at_most(Judge judge, ChainAvailable seen)
    {
        if (!IsPacked(judge)) return;
        foreach (var element in seen.Chain.Elements.Where(element => element.IsInTable))
            judge.That((element.Descriptor.Flags & ~DescriptorFlags.Write) == 0, "no flag but WRITE in an indirect table", $"{element.Descriptor} in {seen.Chain}");
    }

    [Rule("PACKED-INDIRECT-V-03", Needs = Sight.Rings | Sight.Registers,
        Does = "Counts the entries of every indirect table.",
        Reading = "No more than the queue has: a virtio-iommu sets no other limit (2.8.5).")]
    public static void An_indirect_table_is_no_longer_than_the_queue(Judge judge, ChainAvailable seen)
    {
        var entries = seen.Chain.Elements.Count(element => element.IsInTable);
        if (IsPacked(judge) && entries > 0 && judge.Driver.Queue(seen.Chain.Queue).Size is { } size)
            judge.That((ulong)entries <= size, $"{size} entries at most, as queue {seen.Chain.Queue} has descriptors", $"{entries} in {seen.Chain}");
    }

    [Rule("PACKED-INDIRECT-V-04", Needs = Sight.Rings | Sight.Registers,
        Does = "Looks for descriptors that refer to a table among those that NEXT links.",
        Reading = "There are none.")]
    public static void Indirect_descriptors_are_in_no_list(Judge judge, ChainAvailable seen)
    {
        if (!IsPacked(judge)) return;
        var direct = seen.Chain.Elements.Where(element => !element.IsInTable).ToList();
        foreach (var table in direct.Where(element => element.IsTable))
            judge.That(direct.Count == 1 && (table.Descriptor.Flags & DescriptorFlags.Next) == 0, "a descriptor with INDIRECT by itself", $"{table.Descriptor} in {seen.Chain}");
    }

    private static bool IsPacked(Judge judge) => judge.Driver.Has(Features.RingPacked);

    /// <summary>The list goes on behind its last descriptor, where nothing is available and the ring is not over.</summary>
    private static bool IsUnfinished(Chain chain) =>
        chain.Fault is not null && chain.Elements.LastOrDefault(element => !element.IsInTable) is var last && (last.Descriptor.Flags & DescriptorFlags.Next) != 0
        && chain.Fault.EndsWith("is not available", StringComparison.Ordinal);
}
