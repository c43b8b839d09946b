using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of the queue registers of virtio-mmio (4.2.2).</summary>
internal static class BrokenMmioQueues
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        Mmio("keeps QueueReady over a reset", ["MMIO-REG-D-05"], target => new KeepsReady(target)),
        Mmio("uses a queue once it has addresses", ["MMIO-REG-D-07.a-queue-that-was-never-*"], target => new ReadyByAddresses(target)),
        Mmio("goes on with a queue that is no longer ready", ["MMIO-REG-D-07.*-that-is-no-longer-ready-*"], target => new IgnoresStop(target)),
        Mmio("shows QueueReset 1 after a reset in the middle of one", ["MMIO-REG-D-08"], target => new KeepsQueueReset(target)),
        Mmio("shows QueueReset 1 again once the queue is enabled", ["MMIO-REG-D-09"], target => new ShowsQueueResetAgain(target)),
        Mmio("takes no notice of QueueReset", ["MMIO-REG-D-10.writing-1-to-queuereset-resets-the-queue", "MMIO-REG-D-11"], target => new PretendsReset(target)),
        Mmio("resets every queue with one", ["MMIO-REG-D-10.*-resets-no-other-queue"], target => new ResetsAll(target)),
        Mmio("says that a queue reset is over before it is", ["MMIO-REG-D-11"], target => new PutsOffReset(target)),
        Mmio("never serves a queue again that was reset, over MMIO", ["MMIO-REG-V-22"], target => new GivesUpQueues(target)),
        Mmio("gives a queue its first size for good, over MMIO", ["MMIO-REG-V-23"], target => new FirstSizeForGood(target)),
        Mmio("leaves a queue ready that was reset", ["MMIO-REG-D-12"], target => new StaysReady(target)),
        Mmio("has as many queues as are selected", ["DESC-MMIO-03"], target => new HasAnyQueue(target)),
        Mmio("has one QueueReady for all queues", ["DESC-MMIO-07"], target => new OneReadyForAll(target)),
        Mmio("gives every queue its maximum size", ["DESC-MMIO-09"], target => new IgnoresSize(target)),
    ];

    private static BrokenDevice Mmio(string name, string[] breaks, Func<ITarget, MmioInterceptor> intercept) =>
        BrokenDevice.Registers(ModelTransport.Mmio, name, breaks, intercept);

    /// <summary>Shows a queue as ready that is not, until the driver writes its QueueReady or the device is reset.</summary>
    private abstract class ShowsReady(ITarget inner) : MmioInterceptor(inner)
    {
        protected HashSet<uint> Shown { get; } = [];

        protected override uint ReadRegister(uint register) =>
            register == MmioRegister.QueueReady && Shown.Contains(Queue) ? 1 : base.ReadRegister(register);

        protected override void WriteRegister(uint register, uint value)
        {
            base.WriteRegister(register, value);
            if (register == MmioRegister.QueueReady) Shown.Remove(Queue);
        }
    }

    private sealed class KeepsReady(ITarget inner) : ShowsReady(inner)
    {
        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) Shown.UnionWith(new uint[] { 0, 1 }.Where(queue => RealOf(queue, MmioRegister.QueueReady) != 0));
            base.WriteStatus(status);
        }
    }

    private sealed class GivesUpQueues(ITarget inner) : MmioInterceptor(inner)
    {
        private readonly HashSet<uint> given = [];

        protected override void WriteRegister(uint register, uint value)
        {
            if (register == MmioRegister.QueueReset) given.Add(Queue);
            base.WriteRegister(register, value);
        }

        protected override void Notify(uint value)
        {
            if (!given.Contains(value)) base.Notify(value);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) given.Clear();
            base.WriteStatus(status);
        }
    }

    private sealed class FirstSizeForGood(ITarget inner) : MmioInterceptor(inner)
    {
        private readonly Dictionary<uint, uint> sizes = [];

        protected override void WriteRegister(uint register, uint value)
        {
            if (register == MmioRegister.QueueSize) value = sizes.TryAdd(Queue, value) ? value : sizes[Queue];
            base.WriteRegister(register, value);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) sizes.Clear();
            base.WriteStatus(status);
        }
    }

    private sealed class StaysReady(ITarget inner) : ShowsReady(inner)
    {
        protected override void WriteRegister(uint register, uint value)
        {
            base.WriteRegister(register, value);
            if (register == MmioRegister.QueueReset) Shown.Add(Queue);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) Shown.Clear();
            base.WriteStatus(status);
        }
    }

    private sealed class ReadyByAddresses(ITarget inner) : MmioInterceptor(inner)
    {
        private readonly HashSet<uint> early = [];

        protected override uint ReadRegister(uint register) =>
            register == MmioRegister.QueueReady && early.Contains(Queue) ? 0 : base.ReadRegister(register);

        protected override void WriteRegister(uint register, uint value)
        {
            base.WriteRegister(register, value);
            if (register == MmioRegister.QueueReady) early.Remove(Queue);
            if (register != MmioRegister.QueueDeviceHigh) return;
            WriteReal(MmioRegister.QueueReady, 1);
            early.Add(Queue);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) early.Clear();
            base.WriteStatus(status);
        }
    }

    private sealed class IgnoresStop(ITarget inner) : MmioInterceptor(inner)
    {
        private readonly HashSet<uint> stopped = [];

        protected override uint ReadRegister(uint register) =>
            register == MmioRegister.QueueReady && stopped.Contains(Queue) ? 0 : base.ReadRegister(register);

        protected override void WriteRegister(uint register, uint value)
        {
            if (register == MmioRegister.QueueReady && value == 0) stopped.Add(Queue);
            else base.WriteRegister(register, value);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) stopped.Clear();
            base.WriteStatus(status);
        }
    }

    /// <summary>Shows QueueReset as 1 where the reset of the queue is complete.</summary>
    private abstract class ShowsReset(ITarget inner) : MmioInterceptor(inner)
    {
        /// <summary>Queues whose reset was asked for.</summary>
        protected HashSet<uint> Asked { get; } = [];

        protected HashSet<uint> Shown { get; } = [];

        protected override uint ReadRegister(uint register) =>
            register == MmioRegister.QueueReset && Shown.Contains(Queue) ? 1 : base.ReadRegister(register);

        protected override void WriteRegister(uint register, uint value)
        {
            base.WriteRegister(register, value);
            if (register == MmioRegister.QueueReset) Asked.Add(Queue);
        }
    }

    private sealed class KeepsQueueReset(ITarget inner) : ShowsReset(inner)
    {
        protected override void WriteRegister(uint register, uint value)
        {
            base.WriteRegister(register, value);
            if (register == MmioRegister.QueueReady) Shown.Remove(Queue);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None)
            {
                Shown.UnionWith(Asked);
                Asked.Clear();
            }
            base.WriteStatus(status);
        }
    }

    private sealed class ShowsQueueResetAgain(ITarget inner) : ShowsReset(inner)
    {
        protected override void WriteRegister(uint register, uint value)
        {
            base.WriteRegister(register, value);
            if (register == MmioRegister.QueueReady && Asked.Contains(Queue)) Shown.Add(Queue);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            Asked.Clear();
            Shown.Clear();
            base.WriteStatus(status);
        }
    }

    /// <summary>Shows the reset of a queue as complete, and goes on using the queue.</summary>
    private abstract class FakesReset(ITarget inner) : MmioInterceptor(inner)
    {
        private uint? fake;

        protected override uint ReadRegister(uint register) =>
            fake == Queue && register is (MmioRegister.QueueReady or MmioRegister.QueueReset) ? 0 : base.ReadRegister(register);

        protected override void WriteRegister(uint register, uint value)
        {
            if (register == MmioRegister.QueueReset) fake = Queue;
            else if (fake == Queue && IsSetUp(register)) SetUp(register, value);
            else base.WriteRegister(register, value);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) fake = null;
            base.WriteStatus(status);
        }

        /// <summary>The driver sets the queue up again.</summary>
        protected abstract void SetUp(uint register, uint value);

        /// <summary>Resets the queue in earnest.</summary>
        protected void ResetReally()
        {
            fake = null;
            WriteReal(MmioRegister.QueueReset, 1);
        }

        private static bool IsSetUp(uint register) =>
            register is MmioRegister.QueueSize or MmioRegister.QueueReady or (>= MmioRegister.QueueDescLow and <= MmioRegister.QueueDeviceHigh);
    }

    private sealed class PretendsReset(ITarget inner) : FakesReset(inner)
    {
        protected override void SetUp(uint register, uint value)
        {
        }
    }

    private sealed class PutsOffReset(ITarget inner) : FakesReset(inner)
    {
        protected override void SetUp(uint register, uint value)
        {
            ResetReally();
            WriteReal(register, value);
        }
    }

    private sealed class ResetsAll(ITarget inner) : MmioInterceptor(inner)
    {
        protected override void WriteRegister(uint register, uint value)
        {
            base.WriteRegister(register, value);
            if (register == MmioRegister.QueueReset) WriteRealOf(1 - Queue, register, value);
        }
    }

    internal sealed class HasAnyQueue(ITarget inner) : MmioInterceptor(inner)
    {
        protected override uint ReadRegister(uint register) =>
            register == MmioRegister.QueueSizeMax && Queue > 1 ? RealOf(1, register) : base.ReadRegister(register);
    }

    private sealed class OneReadyForAll(ITarget inner) : MmioInterceptor(inner)
    {
        private uint last;

        protected override uint ReadRegister(uint register) => register == MmioRegister.QueueReady ? last : base.ReadRegister(register);

        protected override void WriteRegister(uint register, uint value)
        {
            if (register == MmioRegister.QueueReady) last = value;
            base.WriteRegister(register, value);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) last = 0;
            base.WriteStatus(status);
        }
    }

    private sealed class IgnoresSize(ITarget inner) : MmioInterceptor(inner)
    {
        protected override void WriteRegister(uint register, uint value)
        {
            if (register != MmioRegister.QueueSize) base.WriteRegister(register, value);
        }
    }
}
