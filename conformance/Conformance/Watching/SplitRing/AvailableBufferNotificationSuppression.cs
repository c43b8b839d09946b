using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.SplitRing;

/// <summary>Available Buffer Notification Suppression (2.7.10), driver's side.</summary>
internal static class AvailableBufferNotificationSuppression
{
    [Rule("SPLIT-AVAILSUPP-V-01", Needs = Sight.Rings,
        Does = "Reads the used ring's flags of every queue when it is enabled, before the device can have written them.",
        Reading = "They are 0.")]
    public static void Used_flags_are_0_when_the_ring_is_handed_over(Judge judge, RingLaidOut seen) =>
        judge.That(seen.UsedFlags == 0, $"used.flags 0 in the ring of queue {seen.Queue}", $"0x{seen.UsedFlags:x}");

    [Rule("SPLIT-AVAILSUPP-V-02", Needs = Sight.Memory | Sight.Registers,
        Does = "Without EVENT_IDX, looks for a notification of chains that are not at what lies where avail_event would be.",
        Reading = "It comes all the same, before the driver waits for the device.")]
    public static void Without_EVENT_IDX_avail_event_is_ignored(Judge judge, Observation seen) =>
        Owed(judge, seen, hasEventIdx: false, exposure => exposure.IsWantedByFlags && !exposure.IsWantedByEvent, "whatever avail_event is");

    [Rule("SPLIT-AVAILSUPP-V-03", Needs = Sight.Rings | Sight.Registers,
        Does = "Without EVENT_IDX, looks for notifications of chains that were all exposed with used.flags at 1.",
        Reading = "There are none.")]
    public static void Without_EVENT_IDX_used_flags_of_1_are_heeded(Judge judge, Observation seen) =>
        NotWanted(judge, seen, hasEventIdx: false, exposure => !exposure.IsWantedByFlags, "with used.flags 1");

    [Rule("SPLIT-AVAILSUPP-V-04", Needs = Sight.Memory | Sight.Registers,
        Does = "Without EVENT_IDX, looks for a notification of chains that were exposed with used.flags at 0.",
        Reading = "One comes before the driver waits for the device; one for several chains is enough.")]
    public static void Without_EVENT_IDX_the_device_is_notified_with_used_flags_of_0(Judge judge, Observation seen) =>
        Owed(judge, seen, hasEventIdx: false, exposure => exposure.IsWantedByFlags, "with used.flags 0");

    [Rule("SPLIT-AVAILSUPP-V-05", Needs = Sight.Memory | Sight.Registers,
        Does = "With EVENT_IDX, looks for a notification of a chain at avail_event where the device has set used.flags to 1.",
        Reading = "It comes all the same, before the driver waits for the device.")]
    public static void With_EVENT_IDX_the_low_bit_of_used_flags_is_ignored(Judge judge, Observation seen) =>
        Owed(judge, seen, hasEventIdx: true, exposure => exposure.IsWantedByEvent && !exposure.IsWantedByFlags, "at avail_event, whatever used.flags are");

    [Rule("SPLIT-AVAILSUPP-V-06", Needs = Sight.Memory | Sight.Registers,
        Does = "With EVENT_IDX, looks for a notification of a chain at avail_event, alone or among others.",
        Reading = "One comes before the driver waits for the device.")]
    public static void With_EVENT_IDX_the_device_is_notified_of_the_chain_at_avail_event(Judge judge, Observation seen) =>
        Owed(judge, seen, hasEventIdx: true, exposure => exposure.IsWantedByEvent, "at avail_event");

    [Rule("SPLIT-AVAILSUPP-V-07", Needs = Sight.Rings | Sight.Registers,
        Does = "With EVENT_IDX, looks for notifications of chains none of which is at avail_event.",
        Reading = "There are none.")]
    public static void With_EVENT_IDX_the_device_is_not_notified_of_other_chains(Judge judge, Observation seen) =>
        NotWanted(judge, seen, hasEventIdx: true, exposure => !exposure.IsWantedByEvent, "none of them at avail_event");

    private static void Owed(Judge judge, Observation seen, bool hasEventIdx, Predicate<DoorbellDuty.Exposure> wanted, string which)
    {
        var about = Follow(judge, seen, hasEventIdx);
        foreach (var queue in about.Where(exposure => wanted(exposure)).GroupBy(exposure => exposure.Queue))
            judge.That(seen is Doorbell, $"a notification of the chain at index {queue.First().Position} of queue {queue.Key}, {which}", "the driver waits, and has sent none");
    }

    private static void NotWanted(Judge judge, Observation seen, bool hasEventIdx, Predicate<DoorbellDuty.Exposure> unwanted, string which)
    {
        var about = Follow(judge, seen, hasEventIdx);
        foreach (var queue in about.GroupBy(exposure => exposure.Queue).Where(queue => queue.All(exposure => unwanted(exposure))))
            judge.That(seen is not Doorbell, $"no notification of the chain at index {queue.First().Position} of queue {queue.Key}, {which}", $"{seen}");
    }

    private static IReadOnlyList<DoorbellDuty.Exposure> Follow(Judge judge, Observation seen, bool hasEventIdx)
    {
        var about = judge.Keep<DoorbellDuty>().Take(seen, judge.Driver);
        return (hasEventIdx ? judge.Driver.Has(Features.EventIdx) : judge.Driver.HasNot(Features.EventIdx)) ? about : [];
    }
}
