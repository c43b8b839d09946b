using Viommu.Guest.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices with packed rings that notify at the wrong time, or ask for the wrong notifications (2.8.10).</summary>
internal static class BrokenPackedEvents
{
    private const ushort Enable = 0, Disable = 1, ForDescriptor = 2;

    public static IEnumerable<BrokenDevice> All() =>
    [
        Notifies("obeys the offset with flags ENABLE", "DESC-PACKED-08.enable-*", look => look.Flags == Enable && look.Awaited != 0 && look.Awaited != look.First ? false : null),
        Notifies("notifies although the flags are DISABLE", "DESC-PACKED-09", look => look.Flags == Disable ? true : null),
        BrokenPackedLists.OnPackedRing(BrokenDevice.Registers(
            "(packed) goes silent for good once no notification is wanted", ["PACKED-SUPPLY-V-04"], target => new GoesSilent(target))),
        Notifies("meets an awaited descriptor in the first of two rounds alone", "DESC-PACKED-10.*-of-that-descriptor", look => look.Flags == ForDescriptor && look.Awaited >> 15 == 0 ? false : null),
        Notifies("looks only at the last of several used descriptors", "DESC-PACKED-10.*-among-several", look => look.Flags == ForDescriptor ? look.Awaited == look.Last : null),
        Notifies("notifies of everything with flags DESC", "DESC-PACKED-11", look => look.Flags == ForDescriptor ? true : null),
        Notifies("awaits a descriptor in either round", "DESC-PACKED-11", look => look.Flags == ForDescriptor && (look.Awaited & 0x7fff) == (look.First & 0x7fff) ? true : null),
        Events("sets reserved bits of its event flags", "DESC-PACKED-12", hasEventIdx: null, 4),
        Events("asks for a descriptor without EVENT_IDX", "DESC-PACKED-12", hasEventIdx: false, ForDescriptor),
        Events("asks not to be told, and waits to be told", "PACKED-SUPPLY-D-02", hasEventIdx: null, Disable),
    ];

    private static BrokenDevice Notifies(string name, string breaks, Func<Look, bool?> when) =>
        BrokenPackedLists.OnPackedRing(BrokenDevice.Registers($"(packed) {name}", [breaks], target => new NotifiesWhen(target, when)));

    private static BrokenDevice Events(string name, string breaks, bool? hasEventIdx, ushort flags) =>
        BrokenPackedLists.OnPackedRing(BrokenDevice.Registers($"(packed) {name}", [breaks], target => new SetsEvents(target, hasEventIdx, flags)));

    /// <summary>What a device sees before it serves the ring: the driver's event structure, and where its first and last used descriptors will be.</summary>
    private sealed record Look(ushort Flags, ushort Awaited, ushort First, ushort Last);

    /// <summary>Decides for itself when to notify; null leaves it to the reference device.</summary>
    private sealed class NotifiesWhen(ITarget inner, Func<Look, bool?> when) : PackedInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Ring ring)
        {
            var lists = ring.Waiting();
            var before = ring.DriverEvent;
            if (lists.Count > 0 && when(new Look(before.Flags, before.Descriptor, Encode(lists[0]), Encode(lists[^1]))) is { } decided)
                ring.DriverEvent = (0, decided ? Enable : Disable);
            Pass(doorbell, ring);
            ring.DriverEvent = before;
        }

        private static ushort Encode(PackedList list) => (ushort)(list.Slots[0] | (list.Wrap ? 0x8000 : 0));
    }

    private sealed class GoesSilent(ITarget inner) : PackedInterceptor(inner)
    {
        private bool isSilent;

        protected override void Serve(Doorbell doorbell, Ring ring)
        {
            var before = ring.DriverEvent;
            isSilent |= before.Flags == Disable;
            if (isSilent) ring.DriverEvent = (0, Disable);
            Pass(doorbell, ring);
            ring.DriverEvent = before;
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) isSilent = false;
            base.WriteStatus(status);
        }
    }

    private sealed class SetsEvents(ITarget inner, bool? hasEventIdx, ushort flags) : PackedInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Ring ring)
        {
            Pass(doorbell, ring);

            // Late enough for a driver that only looks the device over.
            if (ring.Due.Slot < 40) return;
            if (hasEventIdx is null || hasEventIdx == IsNegotiated(Features.EventIdx)) ring.DeviceEventFlags = flags;
        }
    }
}
