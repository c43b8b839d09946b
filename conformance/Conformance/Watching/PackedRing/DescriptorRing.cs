using Viommu.Conformance.Watching.SplitRing;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.PackedRing;

/// <summary>The descriptor ring of packed virtqueues (2.8.11, 2.8.16), driver's side.</summary>
internal static class DescriptorRing
{
    [Rule("PACKED-LAYOUT-V-01", Needs = Sight.Registers,
        Does = "Reads the three addresses of every queue when it is enabled.",
        Reading = "The descriptor ring is at a multiple of 16, both event suppression structures at multiples of 4.")]
    public static void The_three_parts_are_aligned(Judge judge, QueueWritten seen)
    {
        if (judge.Driver.Has(Features.RingPacked))
            Alignment.Judge(judge, seen, ("descriptor ring", 16), ("driver event suppression structure", 4), ("device event suppression structure", 4));
    }

    [Rule("PACKED-DESC-V-01", Also = ["PACKED-DESC-V-02"], Needs = Sight.Memory | Sight.Registers,
        Does = "Compares the descriptors of every list from the time that it is available until the device marks it used.",
        Reading = "The driver changes none of them, flags included.")]
    public static void A_descriptor_is_left_alone_from_available_to_used(Judge judge, Observation seen)
    {
        if (!judge.Driver.Has(Features.RingPacked)) return;
        if (seen is ChainUsed { Chain: not null }) judge.Kept();
        if (seen is LentMemoryWritten { IsRingEntry: true } written) judge.That(false, $"descriptors left alone until the device has used them", $"{written}");
    }

    [Rule("PACKED-DESC-V-03", Needs = Sight.Memory | Sight.Registers,
        Does = "With NOTIFICATION_DATA, compares next_off and next_wrap of every notification with where the driver has got in the ring.",
        Reading = "They name the descriptor behind the last that was made available, and the wrap counter there.")]
    public static void A_notification_names_the_next_descriptor(Judge judge, Observation seen)
    {
        if (!judge.Driver.Has(Features.RingPacked | Features.NotificationData)) return;
        var next = judge.Keep<Dictionary<int, Next>>();
        switch (seen)
        {
            case QueueWritten { Field: QueueField.Enable, Value: not 0 } enabled:
                next[enabled.Queue] = new Next(0, 1);
                break;
            case ChainAvailable { Chain: var chain } when next.TryGetValue(chain.Queue, out var at) && judge.Driver.Queue(chain.Queue).Size is { } size:
                var ahead = at.Offset + chain.RingDescriptors;
                next[chain.Queue] = new Next(ahead % (int)size, at.Wrap ^ (ahead / (int)size & 1));
                break;
            case Doorbell { Width: 4 } doorbell when next.TryGetValue(doorbell.Queue, out var expected):
                var told = new Next((int)(doorbell.Value >> 16 & 0x7fff), (int)(doorbell.Value >> 31 & 1));
                judge.That(told == expected, $"next_off {expected.Offset}, next_wrap {expected.Wrap} in the notification of queue {doorbell.Queue}", $"next_off {told.Offset}, next_wrap {told.Wrap}");
                break;
        }
    }

    private sealed record Next(int Offset, int Wrap);
}
