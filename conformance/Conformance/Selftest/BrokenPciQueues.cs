using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of the fields of a queue (4.1.4.3).</summary>
internal static class BrokenPciQueues
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        BrokenDevice.Registers("shows the event queue as enabled after a reset", ["PCI-COMMON-D-08"], target => new EnabledAfterReset(target)),
        BrokenDevice.Registers("shows a queue reset of before a device reset as going on", ["PCI-COMMON-D-09"], target => new QueueResetGoesOn(target)),
        BrokenDevice.Registers("shows a queue enabled again as being reset", ["PCI-COMMON-D-10"], target => new ResetShowsWhenEnabled(target)),
        BrokenDevice.Registers("says too early that a queue reset is complete", ["PCI-COMMON-D-12"], target => new CompletesTooEarly(target)),
        BrokenDevice.Registers("shows a queue that was reset as enabled", ["PCI-COMMON-D-13"], target => new EnabledAfterQueueReset(target)),
        BrokenDevice.Registers("looks at one bit of queue_select", ["PCI-COMMON-D-14"], target => new WrapsQueueSelect(target)),
        BrokenDevice.Registers("ignores a queue_select above 1023", ["PCI-COMMON-D-14.*-highest-queue-numbers"], target => new IgnoresHighSelect(target)),
        BrokenDevice.Registers("has a third queue of 3 descriptors", ["PCI-COMMON-D-15"], target => new OddQueue(target)),
        BrokenDevice.Registers("keeps a smaller queue_size over a reset", ["DESC-PCI-01"], target => new KeepsSize(target)),
        BrokenDevice.Registers("executes requests of a queue that is not enabled", ["DESC-PCI-08.a-queue-executes-*"], target => new ExecutesDisabled(target)),
        BrokenDevice.Registers("shows a queue as disabled by a write of 0, and goes on with it", ["DESC-PCI-08.queue-enable-tells-*"], target => new PretendsToDisable(target)),
        BrokenDevice.Registers("stops a queue at a write of 0, and shows it as enabled", ["DESC-PCI-08.queue-enable-tells-*"], target => new StopsSecretly(target)),
    ];

    /// <summary>A device that is wrong about some queues until something happens.</summary>
    private abstract class RemembersQueues(ITarget inner) : RegisterInterceptor(inner)
    {
        /// <summary>The queues that it is wrong about.</summary>
        protected HashSet<ulong> Marked { get; } = [];

        protected bool IsMarked => Marked.Contains(Selected);

        protected ulong Selected => Real(CommonField.QueueSelect);

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) DeviceReset();
            base.WriteStatus(status);
        }

        /// <summary>The driver resets the device, which has not happened yet.</summary>
        protected virtual void DeviceReset() => Marked.Clear();
    }

    private sealed class EnabledAfterReset(ITarget inner) : RemembersQueues(inner)
    {
        protected override ulong ReadRegister(CommonField field) => field == CommonField.QueueEnable && IsMarked ? 1 : base.ReadRegister(field);

        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (field == CommonField.QueueEnable) Marked.Remove(Selected);
            base.WriteRegister(field, value);
        }

        protected override void DeviceReset()
        {
            if ((ReadStatus() & DeviceStatus.DriverOk) != 0) Marked.Add(IommuDriver.EventQueueNumber);
        }
    }

    private sealed class QueueResetGoesOn(ITarget inner) : RemembersQueues(inner)
    {
        private readonly HashSet<ulong> wereReset = [];

        protected override ulong ReadRegister(CommonField field) => field == CommonField.QueueReset && IsMarked ? 1 : base.ReadRegister(field);

        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (field == CommonField.QueueReset) wereReset.Add(Selected);
            if (field == CommonField.QueueEnable) Marked.Remove(Selected);
            base.WriteRegister(field, value);
        }

        protected override void DeviceReset()
        {
            Marked.UnionWith(wereReset);
            wereReset.Clear();
        }
    }

    private sealed class ResetShowsWhenEnabled(ITarget inner) : RemembersQueues(inner)
    {
        protected override ulong ReadRegister(CommonField field) =>
            field == CommonField.QueueReset && IsMarked && Real(CommonField.QueueEnable) != 0 ? 1 : base.ReadRegister(field);

        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (field == CommonField.QueueReset) Marked.Add(Selected);
            base.WriteRegister(field, value);
        }
    }

    /// <summary>Takes its time over a burst, and a queue reset for done before it is through.</summary>
    private sealed class CompletesTooEarly(ITarget inner) : RingInterceptor(inner)
    {
        private Doorbell? held;
        private bool isBeingReset;

        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            if (rings.Waiting > Burst) held = doorbell;
            else Pass(doorbell);
        }

        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (field == CommonField.QueueReset && held is not null) isBeingReset = true;
            else base.WriteRegister(field, value);
        }

        protected override ulong ReadRegister(CommonField field)
        {
            if (field != CommonField.QueueReset || held is not { } doorbell) return base.ReadRegister(field);
            if (!isBeingReset)
            {
                Pass(doorbell);
                held = null;
                WriteReal(CommonField.QueueReset, 1);
            }
            isBeingReset = false;
            return 0;
        }
    }

    private sealed class EnabledAfterQueueReset(ITarget inner) : RemembersQueues(inner)
    {
        protected override ulong ReadRegister(CommonField field) => field == CommonField.QueueEnable && IsMarked ? 1 : base.ReadRegister(field);

        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (field == CommonField.QueueReset) Marked.Add(Selected);
            base.WriteRegister(field, value);
        }
    }

    private sealed class WrapsQueueSelect(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override ulong ReadRegister(CommonField field) => field == CommonField.QueueSize
            ? With(CommonField.QueueSelect, Real(CommonField.QueueSelect) & 1, () => Real(field))
            : base.ReadRegister(field);
    }

    private sealed class IgnoresHighSelect(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (field != CommonField.QueueSelect || value < 1024) base.WriteRegister(field, value);
        }
    }

    private sealed class OddQueue(ITarget inner) : RegisterInterceptor(inner)
    {
        private const ulong Third = 2;

        protected override ulong ReadRegister(CommonField field)
        {
            if (field == CommonField.NumQueues) return Third + 1;
            return field == CommonField.QueueSize && Real(CommonField.QueueSelect) == Third ? 3 : base.ReadRegister(field);
        }
    }

    private sealed class KeepsSize(ITarget inner) : RegisterInterceptor(inner)
    {
        private readonly Dictionary<ulong, ulong> sizes = [];

        protected override ulong ReadRegister(CommonField field) =>
            field == CommonField.QueueSize && sizes.TryGetValue(Real(CommonField.QueueSelect), out var size) ? size : base.ReadRegister(field);

        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (field == CommonField.QueueSize) sizes[Real(CommonField.QueueSelect)] = value;
            base.WriteRegister(field, value);
        }
    }

    private sealed class ExecutesDisabled(ITarget inner) : RemembersQueues(inner)
    {
        protected override void Notify(Doorbell doorbell)
        {
            With(CommonField.QueueSelect, (ulong)doorbell.Queue, () =>
            {
                if (Real(CommonField.QueueEnable) != 0) return false;
                WriteReal(CommonField.QueueEnable, 1);
                return Marked.Add((ulong)doorbell.Queue);
            });
            base.Notify(doorbell);
        }

        protected override ulong ReadRegister(CommonField field) => field == CommonField.QueueEnable && IsMarked ? 0 : base.ReadRegister(field);
    }

    private sealed class PretendsToDisable(ITarget inner) : RemembersQueues(inner)
    {
        protected override ulong ReadRegister(CommonField field) => field == CommonField.QueueEnable && IsMarked ? 0 : base.ReadRegister(field);

        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (field == CommonField.QueueEnable && value == 0) Marked.Add(Selected);
            base.WriteRegister(field, value);
        }
    }

    private sealed class StopsSecretly(ITarget inner) : RemembersQueues(inner)
    {
        protected override void Notify(Doorbell doorbell)
        {
            if (!Marked.Contains((ulong)doorbell.Queue)) base.Notify(doorbell);
        }

        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (field == CommonField.QueueEnable && value == 0) Marked.Add(Selected);
            base.WriteRegister(field, value);
        }
    }
}
