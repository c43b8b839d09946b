using Viommu.Guest.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices with split rings that notify at the wrong time, or ask for the wrong notifications (2.7.7, 2.7.10, 2.7.13, 2.9).</summary>
internal static class BrokenNotifications
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        Notifies("obeys used_event without EVENT_IDX", "SPLIT-USEDSUPP-D-01", Without, look => look.UsedEvent == look.UsedIndex ? null : false),
        Notifies("notifies without EVENT_IDX although the flags are 1", "SPLIT-USEDSUPP-D-02", Without, _ => true),
        Notifies("notifies without EVENT_IDX of every other batch", "SPLIT-USEDSUPP-D-03", Without, look => look.UsedIndex % 2 == 0 ? null : false),
        Notifies("obeys the flags with EVENT_IDX", "SPLIT-USEDSUPP-D-04", With, look => look.Flags == 1 ? false : null),
        Notifies("takes used_event for the number of elements used", "SPLIT-USEDSUPP-D-05.*-the-element-at-*", With, look => look.UsedIndex == 0 ? null : look.UsedEvent == (ushort)(look.UsedIndex + 1)),
        Notifies("looks only at the last of a batch with EVENT_IDX", "SPLIT-USEDSUPP-D-05.*-among-several-*", With, look => look.UsedEvent == (ushort)(look.UsedIndex + look.Waiting - 1)),
        Notifies("compares used_event without wrapping", "SPLIT-USEDSUPP-D-05.*-where-the-index-wraps", With,
            look => look.UsedEvent >= look.UsedIndex && look.UsedEvent < ushort.MaxValue && look.UsedEvent < look.UsedIndex + look.Waiting),
        Notifies("notifies with EVENT_IDX of everything", "SPLIT-USEDSUPP-D-06", With, _ => true),
        BrokenDevice.Registers(
            "goes silent for good once no notification is wanted", ["SPLIT-USEDSUPP-V-02", "SPLIT-USEDSUPP-V-04", "SPLIT-SUPPLY-V-06"], target => new GoesSilent(target)),
        BrokenDevice.Registers("sets reserved used flags without EVENT_IDX", ["SPLIT-AVAILSUPP-D-01"], target => new SetsUsedFlags(target, hasEventIdx: false, 2)),
        BrokenDevice.Registers("sets used flags with EVENT_IDX", ["SPLIT-AVAILSUPP-D-03"], target => new SetsUsedFlags(target, hasEventIdx: true, 1)),
        BrokenDevice.Registers(
            "asks by flags not to be told, and waits to be told", ["SPLIT-AVAILSUPP-D-02"], target => new SetsUsedFlags(target, hasEventIdx: false, 1)),
        BrokenDevice.Registers("asks by avail_event not to be told, and waits to be told", ["SPLIT-AVAILSUPP-D-04"], target => new SetsAvailableEvent(target)),
        BrokenDevice.Registers("uses the last chain again when notified of nothing", ["SPLIT-AVAILSUPP-D-05"], target => new UsesAgain(target)),
        BrokenDevice.Registers("needs a reset when notified of nothing", ["SPLIT-AVAILSUPP-D-05"], target => new NeedsResetOfNothing(target)),
        BrokenDevice.Registers("serves one chain a notification", ["SPLIT-SUPPLY-D-01"], target => new ServesOne(target)),
        BrokenDevice.Registers("takes one chain more than the index counts", ["DESC-SPLIT-07"], target => new TakesOneMore(target)),
        BrokenDevice.Registers("ignores notifications with next_wrap set", ["DESC-SPLIT-08"], target => new IgnoresWrapped(target)),
    ];

    private const bool Without = false;
    private const bool With = true;

    private static BrokenDevice Notifies(string name, string breaks, bool hasEventIdx, Func<Look, bool?> when) =>
        BrokenDevice.Registers(name, [breaks], target => new NotifiesWhen(target, hasEventIdx, when));

    /// <summary>What a device sees of the rings before it serves them.</summary>
    private sealed record Look(ushort Flags, ushort UsedEvent, ushort UsedIndex, int Waiting);

    /// <summary>Decides for itself when to notify, with EVENT_IDX or without; null leaves it to the reference device.</summary>
    private sealed class NotifiesWhen(ITarget inner, bool hasEventIdx, Func<Look, bool?> when) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            var look = new Look(rings.AvailableFlags, rings.UsedEvent, rings.UsedIndex, rings.Waiting);
            if (hasEventIdx != IsNegotiated(Features.EventIdx) || when(look) is not { } decided)
            {
                Pass(doorbell);
                return;
            }

            // The reference device does as the driver asks: so it is asked for what this one does.
            if (hasEventIdx) rings.UsedEvent = (ushort)(decided ? look.UsedIndex : look.UsedIndex - 1);
            else rings.AvailableFlags = (ushort)(decided ? 0 : 1);
            Pass(doorbell);
            (rings.UsedEvent, rings.AvailableFlags) = (look.UsedEvent, look.Flags);
        }
    }

    private sealed class GoesSilent(ITarget inner) : RingInterceptor(inner)
    {
        private bool isSilent;

        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            var (flags, usedEvent, index) = (rings.AvailableFlags, rings.UsedEvent, rings.UsedIndex);
            isSilent |= IsNegotiated(Features.EventIdx) ? (ushort)(usedEvent - index) >= rings.Waiting : flags == 1;
            if (isSilent) (rings.AvailableFlags, rings.UsedEvent) = (1, (ushort)(index - 1));
            Pass(doorbell);
            (rings.AvailableFlags, rings.UsedEvent) = (flags, usedEvent);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) isSilent = false;
            base.WriteStatus(status);
        }
    }

    private sealed class SetsUsedFlags(ITarget inner, bool hasEventIdx, ushort flags) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            Pass(doorbell);
            if (IsNegotiated(Features.EventIdx) == hasEventIdx) rings.UsedFlags = flags;
        }
    }

    private sealed class SetsAvailableEvent(ITarget inner) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            Pass(doorbell);

            // Late enough for a driver that only looks the device over.
            if (rings.UsedIndex > Burst) rings.AvailableEvent = (ushort)(rings.UsedIndex + 0x4000);
        }
    }

    private sealed class UsesAgain(ITarget inner) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            var isNothing = rings.Waiting == 0;
            Pass(doorbell);
            if (!isNothing) return;
            rings[rings.UsedIndex] = rings[rings.UsedIndex - 1];
            rings.UsedIndex++;
        }
    }

    private sealed class NeedsResetOfNothing(ITarget inner) : RingInterceptor(inner)
    {
        private bool isLost;

        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            isLost |= rings.Waiting == 0;
            if (!isLost) Pass(doorbell);
        }

        protected override DeviceStatus ReadStatus() => base.ReadStatus() | (isLost ? DeviceStatus.NeedsReset : DeviceStatus.None);

        protected override void WriteStatus(DeviceStatus status)
        {
            isLost &= status != DeviceStatus.None;
            base.WriteStatus(status);
        }
    }

    private sealed class ServesOne(ITarget inner) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            var index = rings.AvailableIndex;
            if (rings.Waiting > 1) rings.AvailableIndex = (ushort)(rings.UsedIndex + 1);
            Pass(doorbell);
            rings.AvailableIndex = index;
        }
    }

    private sealed class TakesOneMore(ITarget inner) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            var index = rings.AvailableIndex;
            rings.AvailableIndex++;
            Pass(doorbell);
            rings.AvailableIndex = index;
        }
    }

    private sealed class IgnoresWrapped(ITarget inner) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            if (doorbell.Width < 4 || doorbell.Value >> 31 == 0) Pass(doorbell);
        }
    }
}
