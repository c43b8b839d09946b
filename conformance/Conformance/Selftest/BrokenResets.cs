using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of device reset (2.4).</summary>
internal static class BrokenResets
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        BrokenDevice.Registers(
            "keeps FAILED over two resets", ["CORE-RESET-D-01.*-from-every-stage-*"], target => new KeepsBit(target, DeviceStatus.Failed)),
        BrokenDevice.Registers(
            "keeps DEVICE_NEEDS_RESET over two resets",
            ["CORE-RESET-D-01.*-from-device-needs-reset", "DESC-CORE-01.every-reset-between-checks-*"], target => new KeepsBit(target, DeviceStatus.NeedsReset)),
        BrokenDevice.Registers(
            "ignores a reset while it works off requests", ["CORE-RESET-D-01.*-while-requests-are-in-flight"], target => new StuckInFlight(target)),
        BrokenDevice.Registers("puts a reset off until it is initialised again", ["CORE-RESET-D-02"], target => new PutsOffReset(target)),
        BrokenDevice.Registers(
            "goes on counting used buffers after a reset", ["DESC-CORE-01.a-device-that-was-used-and-reset-*"], target => new KeepsUsedIndex(target)),
    ];

    private sealed class KeepsBit(ITarget inner, DeviceStatus bit) : RegisterInterceptor(inner)
    {
        private int resetsToGo;

        protected override DeviceStatus ReadStatus() => resetsToGo > 0 ? bit : base.ReadStatus();

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status != DeviceStatus.None) resetsToGo = 0;
            else if ((base.ReadStatus() & bit) != 0) resetsToGo = 2;
            else if (resetsToGo > 0) resetsToGo--;
            base.WriteStatus(status);
        }
    }

    private sealed class StuckInFlight(ITarget inner) : RingInterceptor(inner)
    {
        private bool isBusy;
        private bool isStuck;

        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            isBusy = rings.Waiting > Burst;
            Pass(doorbell);
        }

        protected override DeviceStatus ReadStatus() => isStuck ? DeviceStatus.Acknowledge : base.ReadStatus();

        protected override void WriteStatus(DeviceStatus status)
        {
            isStuck = isBusy && status == DeviceStatus.None;
            isBusy = false;
            base.WriteStatus(status);
        }
    }

    private sealed class PutsOffReset(ITarget inner) : RegisterInterceptor(inner)
    {
        private bool isDue;

        protected override ulong ReadRegister(CommonField field) => isDue && field == CommonField.QueueEnable ? 0 : base.ReadRegister(field);

        protected override DeviceStatus ReadStatus() => isDue ? DeviceStatus.None : base.ReadStatus();

        protected override void WriteStatus(DeviceStatus status)
        {
            var wasDue = isDue;
            isDue = status == DeviceStatus.None;
            if (isDue) return;
            if (wasDue) base.WriteStatus(DeviceStatus.None);
            base.WriteStatus(status);
        }
    }

    /// <summary>Only where it had used more buffers than a driver that looks a device over does, so that it can be brought up at all.</summary>
    private sealed class KeepsUsedIndex(ITarget inner) : RingInterceptor(inner)
    {
        private ushort used;
        private ushort kept;

        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            Pass(doorbell);
            used = rings.UsedIndex;
            if (kept > 4) rings.UsedIndex += kept;
            kept = 0;
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None && used > 0) (kept, used) = (used, 0);
            base.WriteStatus(status);
        }
    }
}
