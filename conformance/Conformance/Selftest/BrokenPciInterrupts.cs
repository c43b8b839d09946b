using Viommu.Conformance.Checks.Pci;
using Viommu.Guest.Driver;
using Viommu.Guest.Pci;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of the ISR status (4.1.4.5) and of MSI-X (4.1.5.1.2, 4.1.5.3, 4.1.5.4).</summary>
internal static class BrokenPciInterrupts
{
    private const int StatusAt = 0x06;
    private const uint InterruptStatus = 1 << 3;

    public static IEnumerable<BrokenDevice> All() =>
    [
        BrokenDevice.Registers("does not tell of configuration changes in the ISR status", ["PCI-ISR-D-02", "PCI-ISR-D-03.the-bit-of-a-used-buffer-*"], target => new ChangesIsr(target, isr => isr & ~2UL)),
        BrokenDevice.Registers("leaves the ISR status at 0 while MSI-X is enabled", ["PCI-ISR-D-02.*-enabled"], target => new NoIsrWithMessages(target)),
        BrokenDevice.Registers("does not tell of used buffers in the ISR status", ["PCI-ISR-D-03"], target => new ChangesIsr(target, isr => isr & ~1UL)),
        BrokenDevice.Registers("forgets a used buffer over a configuration change", ["PCI-ISR-D-03.the-bit-of-a-used-buffer-*"], target => new ChangesIsr(target, isr => isr == 3 ? 2 : isr)),
        BrokenDevice.Registers("keeps Interrupt Status until the next reset", ["PCI-ISR-D-04.*-is-the-or-*"], target => new StickyInterruptStatus(target)),
        BrokenDevice.Registers("clears Interrupt Status while Interrupt Disable is set", ["PCI-ISR-D-04.*-interrupt-disable"], target => new MasksInterruptStatus(target)),
        BrokenDevice.Registers("tells every ISR status twice", ["PCI-ISR-D-05"], target => new TellsTwice(target)),

        new BrokenDevice("has a single MSI-X vector", ["PCI-MSIX-D-01"], new ModelVariation { PciOptions = options => options with { MsixVectors = 1 } }),
        BrokenDevice.Registers("counts vectors in Table Size, instead of one less", ["PCI-MSIX-D-02"], target => new ShowsConfiguration(target, OneVectorMore)),
        BrokenDevice.Registers("sends every message of a queue by vector 0", ["PCI-MSIX-D-04.a-used-buffer-*"], target => new Maps(target, CommonField.QueueMsixVector, vector => vector == MsixTable.NoVector ? vector : 0)),
        BrokenDevice.Registers(
            "sends every message of a configuration change by vector 0", ["PCI-MSIX-D-04.a-configuration-change-*"], target => new Maps(target, CommonField.ConfigMsixVector, vector => vector == MsixTable.NoVector ? vector : 0)),
        BrokenDevice.Registers("sends nothing by a vector that two events share", ["PCI-MSIX-D-04.all-events-*"], target => new CannotShare(target)),
        BrokenDevice.Registers("cannot unmap an event", ["PCI-MSIX-D-05"], target => new NeverUnmaps(target)),
        BrokenDevice.Registers("shows one vector for all queues", ["PCI-MSIX-D-06"], target => new OneVectorForAll(target)),
        BrokenDevice.Registers("shows vectors over a reset", ["PCI-MSIX-D-07"], target => new KeepsVectors(target)),
        BrokenDevice.Registers("does not map its last vector", ["PCI-MSIX-D-08"], target => new RefusesVector(target, 2)),
        BrokenDevice.Registers("shows a vector that it does not have as mapped", ["PCI-MSIX-D-09"], target => new MirrorsVectors(target)),
        BrokenDevice.Registers("interrupts by INTx for a queue without a vector", ["PCI-UNOTIFY-D-01"], target => new FallsBackToLine(target, CommonField.QueueMsixVector)),
        BrokenDevice.Registers("interrupts by vector 0 for a queue without a vector", ["PCI-UNOTIFY-D-01"], target => new FallsBackToVector0(target, CommonField.QueueMsixVector)),
        BrokenDevice.Registers("interrupts by INTx for a configuration change without a vector", ["PCI-CNOTIFY-D-02"], target => new FallsBackToLine(target, CommonField.ConfigMsixVector)),
        BrokenDevice.Registers("interrupts by vector 0 for a configuration change without a vector", ["PCI-CNOTIFY-D-02"], target => new FallsBackToVector0(target, CommonField.ConfigMsixVector)),
    ];

    private static IEnumerable<ShownByte> OneVectorMore(PciFunction function)
    {
        var capability = MessageVectors.CapabilityOf(function);
        return [new ShownByte(capability + 2, (byte)MessageVectors.CountOf(function, capability))];
    }

    private static bool IsMsixEnabled(PciFunction function) => (function.Read(MessageVectors.CapabilityOf(function) + 2, 2) & 0x8000) != 0;

    private sealed class ChangesIsr(ITarget inner, Func<ulong, ulong> shown) : RegisterInterceptor(inner)
    {
        protected override ulong ReadIsr() => shown(base.ReadIsr());
    }

    private sealed class NoIsrWithMessages(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override ulong ReadIsr() => IsMsixEnabled(Function) ? 0 : base.ReadIsr();
    }

    private sealed class TellsTwice(ITarget inner) : RegisterInterceptor(inner)
    {
        private ulong last;

        protected override ulong ReadIsr()
        {
            var isr = base.ReadIsr();
            var told = isr | last;
            last = isr;
            return told;
        }
    }

    private abstract class ChangesInterruptStatus(ITarget inner) : RegisterInterceptor(inner)
    {
        public override uint ConfigRead(PciAddress function, int offset, int width)
        {
            var value = base.ConfigRead(function, offset, width);
            if (function != Function.Address || offset != StatusAt) return value;
            return Shown((value & InterruptStatus) != 0) ? value | InterruptStatus : value & ~InterruptStatus;
        }

        protected abstract bool Shown(bool pending);
    }

    private sealed class StickyInterruptStatus(ITarget inner) : ChangesInterruptStatus(inner)
    {
        private bool was;

        protected override bool Shown(bool pending) => was |= pending;

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) was = false;
            base.WriteStatus(status);
        }
    }

    private sealed class MasksInterruptStatus(ITarget inner) : ChangesInterruptStatus(inner)
    {
        protected override bool Shown(bool pending) => pending && (Function.Command & PciCommand.InterruptDisable) == 0;
    }

    /// <summary>Maps an event to another vector than it shows; <paramref name="real"/> tells which.</summary>
    private sealed class Maps(ITarget inner, CommonField register, Func<ulong, ulong> real) : VectorInterceptor(inner)
    {
        protected override void Map(CommonField field, ulong vector) => WriteReal(field, field == register ? real(vector) : vector);
    }

    private sealed class CannotShare(ITarget inner) : VectorInterceptor(inner)
    {
        protected override void Map(CommonField field, ulong vector) => WriteReal(field, Shown.Values.Count(other => other == vector) > 1 ? MsixTable.NoVector : vector);
    }

    /// <summary>Shows the vectors that the driver wrote, and does something else with them.</summary>
    private abstract class VectorInterceptor(ITarget inner) : RegisterInterceptor(inner)
    {
        /// <summary>By register and queue.</summary>
        protected Dictionary<(CommonField Register, ulong Queue), ulong> Shown { get; } = [];

        protected abstract void Map(CommonField field, ulong vector);

        protected override ulong ReadRegister(CommonField field) =>
            IsVector(field) && Shown.TryGetValue(KeyOf(field), out var vector) ? vector : base.ReadRegister(field);

        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (!IsVector(field))
            {
                base.WriteRegister(field, value);
                return;
            }

            // The real answer to a vector that there is not is the right one.
            WriteReal(field, value);
            Shown[KeyOf(field)] = Real(field);
            Map(field, Real(field));
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) Shown.Clear();
            base.WriteStatus(status);
        }

        protected static bool IsVector(CommonField field) => field == CommonField.ConfigMsixVector || field == CommonField.QueueMsixVector;

        protected (CommonField Register, ulong Queue) KeyOf(CommonField field) => (field, field == CommonField.QueueMsixVector ? Real(CommonField.QueueSelect) : 0);
    }

    private sealed class NeverUnmaps(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (value != MsixTable.NoVector || (field != CommonField.ConfigMsixVector && field != CommonField.QueueMsixVector)) base.WriteRegister(field, value);
        }
    }

    private sealed class OneVectorForAll(ITarget inner) : RegisterInterceptor(inner)
    {
        private ulong? last;

        protected override ulong ReadRegister(CommonField field) => field == CommonField.QueueMsixVector && last is { } vector ? vector : base.ReadRegister(field);

        protected override void WriteRegister(CommonField field, ulong value)
        {
            base.WriteRegister(field, value);
            if (field == CommonField.QueueMsixVector) last = Real(field);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) last = null;
            base.WriteStatus(status);
        }
    }

    private sealed class KeepsVectors(ITarget inner) : VectorInterceptor(inner)
    {
        private readonly Dictionary<(CommonField, ulong), ulong> kept = [];

        protected override void Map(CommonField field, ulong vector) => kept[KeyOf(field)] = vector;

        protected override ulong ReadRegister(CommonField field) =>
            IsVector(field) && kept.TryGetValue(KeyOf(field), out var vector) ? vector : base.ReadRegister(field);
    }

    private sealed class RefusesVector(ITarget inner, ulong refused) : RegisterInterceptor(inner)
    {
        protected override void WriteRegister(CommonField field, ulong value)
        {
            var isVector = field == CommonField.ConfigMsixVector || field == CommonField.QueueMsixVector;
            base.WriteRegister(field, isVector && value == refused ? MsixTable.NoVector : value);
        }
    }

    private sealed class MirrorsVectors(ITarget inner) : RegisterInterceptor(inner)
    {
        private ulong? mirrored;

        protected override ulong ReadRegister(CommonField field) => field == CommonField.ConfigMsixVector && mirrored is { } vector ? vector : base.ReadRegister(field);

        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (field == CommonField.ConfigMsixVector) mirrored = value;
            base.WriteRegister(field, value);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) mirrored = null;
            base.WriteStatus(status);
        }
    }

    /// <summary>Where MSI-X is enabled and an event of the running device has no vector, it is an INTx interrupt.</summary>
    private sealed class FallsBackToLine(ITarget inner, CommonField register) : ChangesInterruptStatus(inner)
    {
        private bool happened;

        public override bool TryChangeBypass(bool bypass)
        {
            var changed = base.TryChangeBypass(bypass);
            if (register == CommonField.ConfigMsixVector) Happen();
            return changed;
        }

        protected override bool Shown(bool pending) => pending || happened;

        protected override void Notify(Doorbell doorbell)
        {
            base.Notify(doorbell);
            if (register == CommonField.QueueMsixVector && doorbell.Queue == IommuDriver.RequestQueueNumber) Happen();
        }

        protected override ulong ReadIsr()
        {
            happened = false;
            return base.ReadIsr();
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) happened = false;
            base.WriteStatus(status);
        }

        private void Happen() => happened |= IsMsixEnabled(Function) && With(CommonField.QueueSelect, IommuDriver.RequestQueueNumber, () => Real(register)) == MsixTable.NoVector;
    }

    /// <summary>An event without a vector has the first one, and shows none.</summary>
    private sealed class FallsBackToVector0(ITarget inner, CommonField register) : RegisterInterceptor(inner)
    {
        private readonly Dictionary<ulong, ulong> shown = [];

        protected override ulong ReadRegister(CommonField field) => field == register ? shown.GetValueOrDefault(Key, MsixTable.NoVector) : base.ReadRegister(field);

        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (field == register)
            {
                WriteReal(field, value);
                shown[Key] = Real(field);
                if (shown[Key] == MsixTable.NoVector) WriteReal(field, 0);
            }
            else
            {
                base.WriteRegister(field, value);
            }
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            base.WriteStatus(status);
            if (status == DeviceStatus.None) shown.Clear();
        }

        private ulong Key => register == CommonField.QueueMsixVector ? Real(CommonField.QueueSelect) : 0;
    }
}
