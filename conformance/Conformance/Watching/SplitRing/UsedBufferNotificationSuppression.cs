using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.SplitRing;

/// <summary>Used Buffer Notification Suppression (2.7.7), driver's side.</summary>
internal static class UsedBufferNotificationSuppression
{
    [Rule("SPLIT-USEDSUPP-V-01", Needs = Sight.Rings | Sight.Registers,
        Does = "Without EVENT_IDX, reads the available ring's flags when the queue is enabled, and as they are whenever the driver has changed them, at the latest when it tells the device something.",
        Reading = "They are 0 or 1.")]
    public static void Without_EVENT_IDX_available_flags_are_0_or_1(Judge judge, Observation seen)
    {
        if (judge.Driver.HasNot(Features.EventIdx) && Flags(seen) is { } flags) judge.That(flags <= 1, "avail.flags 0 or 1 without EVENT_IDX", $"0x{flags:x}");
    }

    [Rule("SPLIT-USEDSUPP-V-03", Needs = Sight.Rings | Sight.Registers,
        Does = "With EVENT_IDX, reads the available ring's flags when the queue is enabled, and as they are whenever the driver has changed them, at the latest when it tells the device something.",
        Reading = "They are 0.")]
    public static void With_EVENT_IDX_available_flags_are_0(Judge judge, Observation seen)
    {
        if (judge.Driver.Has(Features.EventIdx) && Flags(seen) is { } flags) judge.That(flags == 0, "avail.flags 0 with EVENT_IDX", $"0x{flags:x}");
    }

    [Rule("SPLIT-USEDSUPP-V-05", Needs = Sight.Memory | Sight.Registers,
        Does = "Has the device notify of used buffers although it has used none since the notification before, and looks at what the driver does next.",
        Reading = "It does not set FAILED: that there was nothing to be taken in is no reason to give the device up. The driver is asked for no more, and messages are not seen.")]
    public static void A_notification_of_nothing_is_no_reason_to_give_the_device_up(Judge judge, Observation seen)
    {
        if (!judge.Driver.IsLive || !judge.Driver.HasNot(Features.RingPacked)) return;
        var state = judge.Keep<Spurious>();
        switch (seen)
        {
            case ChainUsed:
                state.HasUsed = true;
                break;
            case InterruptStatusRead read when ((Notifications)read.Value & (Notifications.Used | Notifications.Config)) == Notifications.Used && !state.HasUsed:
                state.IsNotified = true;
                break;
            case InterruptStatusRead:
                (state.HasUsed, state.IsNotified) = (false, false);
                break;

            case StatusRead { Status: var status } when (status & DeviceStatus.NeedsReset) != 0:
                state.IsNotified = false;
                break;

            // What the driver does before it looks at, or does, anything else is on account of the notification.
            case StatusWritten or ConfigRead or RequestSent or ChainAvailable when state.IsNotified:
                var gaveUp = seen is StatusWritten written && (written.Status & DeviceStatus.Failed) != 0;
                judge.That(!gaveUp, "no FAILED on account of a notification of nothing", $"{seen}");
                state.IsNotified = false;
                break;
        }
    }

    private static ushort? Flags(Observation seen) => seen switch
    {
        RingLaidOut ring => ring.AvailFlags,
        RingWritten { Field: RingField.AvailFlags } written => written.Value,
        _ => null,
    };

    /// <summary>Whether anything was used since the interrupt status was last read, and whether that told of something all the same.</summary>
    private sealed class Spurious
    {
        public bool HasUsed { get; set; }

        public bool IsNotified { get; set; }
    }
}
