using Viommu.Conformance.Selftest;
using Viommu.Guest;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Workload;

/// <summary>What only virtio-mmio has: places without a device, an interrupt that is acknowledged, and queues that are stopped.</summary>
internal static class MmioScenarios
{
    public const string NoMagic = "another magic value";
    public const string OtherVersion = "an unknown version";
    public const string NoDevice = "a place without a device";
    public const string Interrupts = "interrupts over MMIO";
    public const string InterruptJunk = "junk in InterruptStatus";
    public const string StoppedQueue = "a queue that is stopped";
    public const string SlowQueueReset = "a slow queue reset";

    private const int Polls = 100;

    public static IEnumerable<Scenario> All() =>
    [
        Nothing(NoMagic, MmioRegister.MagicValue, 0x1234_5678),
        Nothing(OtherVersion, MmioRegister.Version, 3),
        Nothing(NoDevice, MmioRegister.DeviceId, 0),
        new(Interrupts, BeInterrupted) { Transports = [ModelTransport.Mmio, ModelTransport.LegacyMmio] },
        new(InterruptJunk, BeInterrupted)
        {
            Misbehaviour = new ModelVariation { Machine = target => new JunkInInterruptStatus(target) },
            Transports = [ModelTransport.Mmio, ModelTransport.LegacyMmio],
        },
        new(StoppedQueue, StopAQueue) { Transports = [ModelTransport.Mmio] },
        new(SlowQueueReset, LifecycleScenarios.PlayQueueReset)
        {
            Misbehaviour = new ModelVariation { Machine = target => new ResetsQueuesSlowly(target) },
            Transports = [ModelTransport.Mmio],
        },
    ];

    private static Scenario Nothing(string name, uint register, uint value) => new(name, user => user.TryStart())
    {
        IsNoDevice = true,
        Misbehaviour = new ModelVariation { Machine = target => new Shows(target, register, value) },
        Transports = [ModelTransport.Mmio],
    };

    private static void BeInterrupted(GuestUser user)
    {
        user.Start(user.Settings with { Notifications = NotificationMode.Line });
        foreach (var endpoint in user.Endpoints)
        {
            user.Probe(endpoint);
            user.Machine.Transport.TakeNotifications();
            user.Ask(new AttachRequest(user.Domain(0), endpoint));
            user.Machine.Transport.TakeNotifications();
        }

        // Nothing has happened since: an interrupt that it shares with another device.
        user.Machine.Transport.TakeNotifications();
        user.Stop();
    }

    private static void StopAQueue(GuestUser user)
    {
        user.Start();
        user.AttachAll(user.Domain(0));
        if (user.Machine.Transport is not MmioTransport mmio) throw new GuestSetupException("only virtio-mmio version 2 has a way to stop a queue");
        user.StopQueue(mmio, IommuDriver.RequestQueueNumber);
        user.Driver.ReplaceRequestQueue(64);
        user.Map(user.Domain(0));
        user.Stop();
    }

    private sealed class Shows(ITarget inner, uint shown, uint value) : MmioInterceptor(inner)
    {
        protected override uint ReadRegister(uint register) => register == shown ? value : base.ReadRegister(register);
    }

    private sealed class JunkInInterruptStatus(ITarget inner) : MmioInterceptor(inner)
    {
        protected override uint ReadRegister(uint register) => base.ReadRegister(register) | (register == MmioRegister.InterruptStatus ? 0xffff_fff0 : 0);
    }

    /// <summary>Shows the reset of a queue as going on for some reads; drivers of it have the patience of a real machine.</summary>
    private sealed class ResetsQueuesSlowly(ITarget inner) : MmioInterceptor(inner)
    {
        private int left;

        public override bool Await(Func<bool> condition, TimeSpan patience) => Enumerable.Range(0, Polls).Any(_ => base.Await(condition, patience));

        protected override uint ReadRegister(uint register) => register == MmioRegister.QueueReset && left-- > 0 ? 1 : base.ReadRegister(register);

        protected override void WriteRegister(uint register, uint value)
        {
            if (register == MmioRegister.QueueReset) left = 5;
            base.WriteRegister(register, value);
        }
    }
}
