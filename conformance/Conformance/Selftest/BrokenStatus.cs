using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of the device status field (2.1).</summary>
internal static class BrokenStatus
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        BrokenDevice.Registers("is live from FEATURES_OK on", ["CORE-STATUS-D-01"], target => new LiveFromFeaturesOk(target)),
        BrokenDevice.Registers("stops at ring errors without DEVICE_NEEDS_RESET", ["CORE-STATUS-D-02"], target => new HidesNeedsReset(target)),
        BrokenDevice.Registers("sends no message of configuration changes", ["CORE-STATUS-D-03"], target => new SilentAboutChanges(target)),
    ];

    private sealed class LiveFromFeaturesOk(ITarget inner) : RegisterInterceptor(inner)
    {
        private bool hidesDriverOk;

        protected override void WriteStatus(DeviceStatus status)
        {
            base.WriteStatus(status);
            hidesDriverOk = (status & (DeviceStatus.FeaturesOk | DeviceStatus.DriverOk)) == DeviceStatus.FeaturesOk;
            if (hidesDriverOk) base.WriteStatus(status | DeviceStatus.DriverOk);
        }

        protected override DeviceStatus ReadStatus() => base.ReadStatus() & (hidesDriverOk ? ~DeviceStatus.DriverOk : ~DeviceStatus.None);
    }

    private sealed class HidesNeedsReset(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override DeviceStatus ReadStatus() => base.ReadStatus() & ~DeviceStatus.NeedsReset;
    }

    private sealed class SilentAboutChanges(ITarget inner) : RegisterInterceptor(inner)
    {
        private ulong vector = MsixTable.NoVector;

        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (field == CommonField.ConfigMsixVector) vector = value;
            else base.WriteRegister(field, value);
        }

        protected override ulong ReadRegister(CommonField field) => field == CommonField.ConfigMsixVector ? vector : base.ReadRegister(field);
    }
}
