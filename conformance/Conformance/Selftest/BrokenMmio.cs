using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of the registers of virtio-mmio (4.2.2), those of queues aside.</summary>
internal static class BrokenMmio
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        Mmio("has no magic value while it runs", "MMIO-REG-D-01", target => new ShowsWhileRunning(target, MmioRegister.MagicValue, 0)),
        Mmio("has Version 3 while it runs", "MMIO-REG-D-02", target => new ShowsWhileRunning(target, MmioRegister.Version, 3)),
        Mmio("forgets its events when InterruptStatus is read", "MMIO-REG-D-03", target => new ClearsOnRead(target)),
        Mmio("takes any acknowledgement for one of every event", "MMIO-REG-D-03", target => new AcknowledgesAll(target)),
        Mmio("sets an undefined bit beside each event", "MMIO-REG-D-04", target => new SetsUndefinedBit(target)),
        Mmio("goes on showing events that were acknowledged", "MMIO-REG-D-04", target => new IgnoresAcknowledgements(target)),
        Mmio("keeps its events over a reset", "MMIO-REG-D-05", target => new KeepsEvents(target)),
        Mmio("changes domain_range at DRIVER_OK without a word", "MMIO-REG-D-06", target => new ChangesDomainRange(target)),
        Mmio("shows a word of features once and then the first", "DESC-MMIO-01", target => new SelectsForOneRead(target)),
        Mmio("takes the first write of each word of features for good", "DESC-MMIO-02", target => new FirstFeaturesForGood(target)),
        Mmio("has shared memory of no length", "DESC-MMIO-04", target => new HasEmptySharedMemory(target)),
        Mmio("never asserts its interrupt", "DESC-MMIO-05", target => new AssertsNothing(target)),
        Mmio("reads the high half of a field with the low one", "DESC-MMIO-06", target => new LatchesHighHalf(target)),
        Mmio("has another ConfigGeneration with each request", "DESC-MMIO-08", target => new CountsRequests(target)),
    ];

    private static BrokenDevice Mmio(string name, string breaks, Func<ITarget, MmioInterceptor> intercept) =>
        BrokenDevice.Registers(ModelTransport.Mmio, name, [breaks], intercept);

    internal sealed class ShowsWhileRunning(ITarget inner, uint shown, uint value) : MmioInterceptor(inner)
    {
        protected override uint ReadRegister(uint register) => register == shown && IsRunning ? value : base.ReadRegister(register);
    }

    private sealed class ClearsOnRead(ITarget inner) : MmioInterceptor(inner)
    {
        protected override uint ReadRegister(uint register)
        {
            var value = base.ReadRegister(register);
            if (register == MmioRegister.InterruptStatus) WriteReal(MmioRegister.InterruptAck, value);
            return value;
        }
    }

    private sealed class AcknowledgesAll(ITarget inner) : MmioInterceptor(inner)
    {
        protected override void WriteRegister(uint register, uint value) =>
            base.WriteRegister(register, register == MmioRegister.InterruptAck ? uint.MaxValue : value);
    }

    private sealed class SetsUndefinedBit(ITarget inner) : MmioInterceptor(inner)
    {
        protected override uint ReadRegister(uint register) =>
            base.ReadRegister(register) is var value && register == MmioRegister.InterruptStatus && value != 0 ? value | 4 : value;
    }

    private sealed class IgnoresAcknowledgements(ITarget inner) : MmioInterceptor(inner)
    {
        protected override void WriteRegister(uint register, uint value)
        {
            if (register != MmioRegister.InterruptAck) base.WriteRegister(register, value);
        }
    }

    private sealed class KeepsEvents(ITarget inner) : MmioInterceptor(inner)
    {
        private uint kept;

        protected override uint ReadRegister(uint register) => base.ReadRegister(register) | (register == MmioRegister.InterruptStatus ? kept : 0);

        protected override void WriteRegister(uint register, uint value)
        {
            if (register == MmioRegister.InterruptAck) kept &= ~value;
            base.WriteRegister(register, value);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) kept = Real(MmioRegister.InterruptStatus);
            base.WriteStatus(status);
        }
    }

    private sealed class ChangesDomainRange(ITarget inner) : MmioInterceptor(inner)
    {
        private const uint DomainRangeEnd = 28;

        protected override ulong ReadConfig(uint offset, int width) =>
            base.ReadConfig(offset, width) is var value && offset == DomainRangeEnd && IsRunning ? value / 2 : value;
    }

    private sealed class SelectsForOneRead(ITarget inner) : MmioInterceptor(inner)
    {
        protected override uint ReadRegister(uint register)
        {
            var value = base.ReadRegister(register);
            if (register == MmioRegister.DeviceFeatures) WriteReal(MmioRegister.DeviceFeaturesSel, 0);
            return value;
        }
    }

    private sealed class FirstFeaturesForGood(ITarget inner) : MmioInterceptor(inner)
    {
        private readonly HashSet<uint> written = [];
        private uint word;

        protected override void WriteRegister(uint register, uint value)
        {
            if (register == MmioRegister.DriverFeaturesSel) word = value;
            if (register != MmioRegister.DriverFeatures || written.Add(word)) base.WriteRegister(register, value);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) written.Clear();
            base.WriteStatus(status);
        }
    }

    private sealed class HasEmptySharedMemory(ITarget inner) : MmioInterceptor(inner)
    {
        protected override uint ReadRegister(uint register) => register is MmioRegister.ShmLenLow or MmioRegister.ShmLenHigh ? 0 : base.ReadRegister(register);
    }

    private sealed class AssertsNothing(ITarget inner) : MmioInterceptor(inner)
    {
        public override bool? InterruptLine => false;
    }

    private sealed class LatchesHighHalf(ITarget inner) : MmioInterceptor(inner)
    {
        // page_size_mask and the two ends of input_range.
        private const uint LastWideField = 16;

        private ulong latched;

        protected override ulong ReadConfig(uint offset, int width)
        {
            if (width != 4 || offset > LastWideField + 4) return base.ReadConfig(offset, width);
            if (offset % 8 != 0) return latched;
            latched = base.ReadConfig(offset + 4, 4);
            return base.ReadConfig(offset, 4);
        }
    }

    private sealed class CountsRequests(ITarget inner) : MmioInterceptor(inner)
    {
        private uint requests;

        protected override uint ReadRegister(uint register) => base.ReadRegister(register) + (register == MmioRegister.ConfigGeneration ? requests : 0);

        protected override void Notify(uint value)
        {
            if (value == IommuDriver.RequestQueueNumber) requests++;
            base.Notify(value);
        }
    }
}
