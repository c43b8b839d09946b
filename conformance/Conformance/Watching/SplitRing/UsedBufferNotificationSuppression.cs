using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.SplitRing;

/// <summary>Used Buffer Notification Suppression (2.7.7), driver's side.</summary>
internal static class UsedBufferNotificationSuppression
{
    [Rule("SPLIT-USEDSUPP-V-01", Needs = Sight.Memory | Sight.Registers,
        Does = "Without EVENT_IDX, reads the available ring's flags when the queue is enabled, and whenever the driver writes them.",
        Reading = "They are 0 or 1.")]
    public static void Without_EVENT_IDX_available_flags_are_0_or_1(Judge judge, Observation seen)
    {
        if (judge.Driver.HasNot(Features.EventIdx) && Flags(seen) is { } flags) judge.That(flags <= 1, "avail.flags 0 or 1 without EVENT_IDX", $"0x{flags:x}");
    }

    [Rule("SPLIT-USEDSUPP-V-03", Needs = Sight.Memory | Sight.Registers,
        Does = "With EVENT_IDX, reads the available ring's flags when the queue is enabled, and whenever the driver writes them.",
        Reading = "They are 0.")]
    public static void With_EVENT_IDX_available_flags_are_0(Judge judge, Observation seen)
    {
        if (judge.Driver.Has(Features.EventIdx) && Flags(seen) is { } flags) judge.That(flags == 0, "avail.flags 0 with EVENT_IDX", $"0x{flags:x}");
    }

    private static ushort? Flags(Observation seen) => seen switch
    {
        RingLaidOut ring => ring.AvailFlags,
        RingWritten { Field: RingField.AvailFlags } written => written.Value,
        _ => null,
    };
}
