using Viommu.Conformance.Selftest;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Workload;

/// <summary>Devices that wish for few notifications, or count strangely, in split rings. On modern PCI; packed rings they leave alone.</summary>
internal static class RingScenarios
{
    public const string Polling = "a device that polls";
    public const string PollingWithoutEventIdx = "a device that polls, without EVENT_IDX";
    public const string FlagsWithEventIdx = "used flags with EVENT_IDX";
    public const string Spurious = "interrupts of nothing";
    public const string ShortLength = "a used length short of the status";

    public static IEnumerable<Scenario> All() =>
    [
        On(Polling, Use, target => new Polls(target)),
        On(PollingWithoutEventIdx, user => Use(user, user.Settings with { Accept = GuestUser.Everything & ~Features.EventIdx }), target => new Polls(target)),
        On(FlagsWithEventIdx, Use, target => new SetsFlags(target)),
        On(Spurious, HandleNothing, target => new NotifiesOfNothing(target)),
        On(ShortLength, user =>
        {
            user.Start();
            user.AttachAll(user.Domain(0));
            user.Stop();
        }, target => new CountsNothing(target)),
    ];

    private static Scenario On(string name, Action<GuestUser> play, Func<ITarget, RegisterInterceptor> device) => new(name, play)
    {
        Misbehaviour = Misbehaving.Registers(device),
        Transports = [ModelTransport.Pci],
    };

    private static void Use(GuestUser user) => Use(user, user.Settings);

    private static void Use(GuestUser user, DriverSettings settings)
    {
        user.Start(settings);
        user.AttachAll(user.Domain(0));
        for (var i = 0; i < 8; i++) user.Unmap(user.Domain(0), user.Map(user.Domain(0)).Virtual);
        user.Stop();
    }

    /// <summary>Handles an interrupt of what there is, and another one of nothing, and goes on.</summary>
    public static void HandleNothing(GuestUser user)
    {
        user.Start(user.Settings with { Notifications = NotificationMode.Line });
        user.AttachAll(user.Domain(0));
        user.HandleInterrupt();
        user.HandleInterrupt();
        user.Unmap(user.Domain(0), user.Map(user.Domain(0)).Virtual);
        user.Stop();
    }

    /// <summary>Asks, once it was notified, not to be notified any more, and looks into the ring by itself whenever the driver waits.</summary>
    private sealed class Polls(ITarget inner) : RingInterceptor(inner)
    {
        private Doorbell? last;

        public override bool Await(Func<bool> condition, TimeSpan patience)
        {
            if (last is { } doorbell) Notify(doorbell);
            return base.Await(condition, patience);
        }

        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            Pass(doorbell);
            if (IsNegotiated(Features.RingPacked)) return;
            last = doorbell;
            if (IsNegotiated(Features.EventIdx)) rings.AvailableEvent = (ushort)(rings.UsedIndex + 0x4000);
            else rings.UsedFlags = 1;
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) last = null;
            base.WriteStatus(status);
        }
    }

    private sealed class SetsFlags(ITarget inner) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            Pass(doorbell);
            if (IsNegotiated(Features.EventIdx) && !IsNegotiated(Features.RingPacked)) rings.UsedFlags = 1;
        }
    }

    private sealed class NotifiesOfNothing(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override ulong ReadIsr() => base.ReadIsr() | (ulong)Notifications.Used;
    }

    private sealed class CountsNothing(ITarget inner) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            int before = rings.UsedIndex;
            Pass(doorbell);
            if (IsNegotiated(Features.RingPacked)) return;
            for (var index = before; index < before + (ushort)(rings.UsedIndex - before); index++) rings[index] = rings[index] with { Length = 0 };
        }
    }
}
