using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of the common and the device configuration (4.1.3, 4.1.4.3), but for those of single queues.</summary>
internal static class BrokenPciRegisters
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        BrokenDevice.Registers("clears the upper half of a queue address when the lower is written", ["PCI-LAYOUT-D-01.the-halves-of-queue-*"], target => new ClearsUpperHalf(target)),
        BrokenDevice.Registers("shows the upper half of a field only behind the lower", ["PCI-LAYOUT-D-01.the-halves-of-configuration-*", "PCI-LAYOUT-V-02"], target => new LatchesUpperHalf(target)),
        BrokenDevice.Registers("looks at one bit of device_feature_select", ["PCI-COMMON-D-03"], target => new WrapsFeatureSelect(target)),
        BrokenDevice.Registers("reads 0 in driver_feature", ["PCI-COMMON-D-04"], target => new WriteOnlyFeatures(target)),
        BrokenDevice.Registers("accepts what it offers once it is offered nonsense", ["PCI-COMMON-D-05"], target => new AcceptsMore(target)),
        BrokenDevice.Registers("never changes its configuration generation", ["PCI-COMMON-D-06"], target => new FixedGeneration(target)),
        BrokenDevice.Registers("counts configuration generations up to 255", ["PCI-COMMON-D-06"], target => new SaturatedGeneration(target)),
        BrokenDevice.Registers("resets only at the second 0 while it runs", ["PCI-COMMON-D-07.writing-0-*"], target => new ResetsAtSecondWrite(target)),
        BrokenDevice.Registers("dies of an access of the wrong width", ["PCI-COMMON-D-07.a-device-is-reset-*"], target => new DiesOfWrongWidth(target)),
        BrokenDevice.Registers("cannot be reset once a read-only field was written", ["PCI-COMMON-D-07.a-device-is-reset-*"], target => new StuckAfterBadWrite(target)),
        BrokenDevice.Registers("lets the driver write num_queues", ["DESC-PCI-07"], target => new WritableQueueCount(target)),
    ];

    private sealed class ClearsUpperHalf(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override void WriteRegister(CommonField field, ulong value)
        {
            base.WriteRegister(field, value);
            if (field == CommonField.QueueDescLow || field == CommonField.QueueDriverLow || field == CommonField.QueueDeviceLow)
                WriteReal(field with { Offset = field.Offset + 4 }, 0);
        }
    }

    private sealed class LatchesUpperHalf(ITarget inner) : RegisterInterceptor(inner)
    {
        private const int LastOfRanges = 20;

        private uint last;

        protected override ulong ReadConfig(uint offset, int width)
        {
            var isLatched = offset is 4 or 12 or LastOfRanges && last != offset - 4;
            last = offset;
            return isLatched ? 0 : base.ReadConfig(offset, width);
        }
    }

    private sealed class WrapsFeatureSelect(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override ulong ReadRegister(CommonField field) => field == CommonField.DeviceFeature
            ? With(CommonField.DeviceFeatureSelect, Real(CommonField.DeviceFeatureSelect) & 1, () => Real(field))
            : base.ReadRegister(field);
    }

    private sealed class WriteOnlyFeatures(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override ulong ReadRegister(CommonField field) => field == CommonField.DriverFeature ? 0 : base.ReadRegister(field);
    }

    private sealed class AcceptsMore(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override ulong ReadRegister(CommonField field)
        {
            var value = base.ReadRegister(field);
            if (field != CommonField.DriverFeature) return value;
            var offered = With(CommonField.DeviceFeatureSelect, Real(CommonField.DriverFeatureSelect), () => Real(CommonField.DeviceFeature));
            return (value & ~offered) != 0 ? value | offered : value;
        }
    }

    private sealed class FixedGeneration(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override ulong ReadRegister(CommonField field) => field == CommonField.ConfigGeneration ? 0 : base.ReadRegister(field);
    }

    private sealed class SaturatedGeneration(ITarget inner) : RegisterInterceptor(inner)
    {
        private ulong last;
        private ulong count;

        protected override ulong ReadRegister(CommonField field)
        {
            var value = base.ReadRegister(field);
            if (field != CommonField.ConfigGeneration) return value;
            count += (byte)(value - last);
            last = value;
            return Math.Min(count, byte.MaxValue);
        }
    }

    private sealed class ResetsAtSecondWrite(ITarget inner) : RegisterInterceptor(inner)
    {
        private bool isAsked;

        protected override void WriteStatus(DeviceStatus status)
        {
            isAsked = status == DeviceStatus.None && !isAsked && (ReadStatus() & DeviceStatus.DriverOk) != 0;
            if (!isAsked) base.WriteStatus(status);
        }
    }

    private sealed class DiesOfWrongWidth(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override ulong ReadRegister(CommonField field)
        {
            // A device that copies what it has into what it is asked for, and does not look whether that fits.
            if (field.Offset == CommonField.QueueEnable.Offset && field.Width > CommonField.QueueEnable.Width) throw new TargetDiedException("the device has died", "copied 2 bytes into 4");
            return base.ReadRegister(field);
        }
    }

    private sealed class StuckAfterBadWrite(ITarget inner) : RegisterInterceptor(inner)
    {
        private bool isStuck;

        protected override DeviceStatus ReadStatus() => isStuck ? DeviceStatus.Failed : base.ReadStatus();

        protected override void WriteRegister(CommonField field, ulong value)
        {
            isStuck |= field == CommonField.QueueNotifyOff;
            base.WriteRegister(field, value);
        }

        public override void SystemReset()
        {
            base.SystemReset();
            isStuck = false;
        }
    }

    private sealed class WritableQueueCount(ITarget inner) : RegisterInterceptor(inner)
    {
        private ulong? written;

        protected override ulong ReadRegister(CommonField field) => field == CommonField.NumQueues && written is { } count ? count : base.ReadRegister(field);

        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (field == CommonField.NumQueues) written = value;
            base.WriteRegister(field, value);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) written = null;
            base.WriteStatus(status);
        }
    }
}
