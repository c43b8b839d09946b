using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of feature negotiation (2.2).</summary>
internal static class BrokenNegotiation
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        BrokenDevice.Registers("accepts VERSION_1 without offering it", ["CORE-FEAT-D-01", "CORE-RSVD-D-01"], target => new HidesVersion1(target)),
        BrokenDevice.Registers("refuses drivers without EVENT_IDX", ["CORE-FEAT-D-02"], target => new NeedsEventIdx(target)),
        BrokenDevice.Registers("accepts whatever the driver writes", ["CORE-FEAT-D-03"], target => new MirrorsFeatures(target)),
        BrokenDevice.Registers(
            "offers a bit of another device type", ["CORE-FEAT-D-04.no-undefined-*"], target => new OffersBit(target, 20)),
        BrokenDevice.Registers("offers a bit above 63", ["CORE-FEAT-D-04.no-bit-above-63-*"], target => new OffersBit(target, 99)),
        BrokenDevice.Registers(
            "refuses every 60th negotiation", ["CORE-FEAT-D-05.*-after-every-device-reset"], target => new TiresOfNegotiating(target)),
        BrokenDevice.Registers(
            "refuses all features after a system reset", ["CORE-FEAT-D-05.*-after-a-system-reset"], target => new RefusesAfterSystemReset(target)),
        BrokenDevice.Registers("has no probe_size before FEATURES_OK", ["CORE-CFG-D-01", "CORE-INIT-V-02"], target => new LateProbeSize(target)),
    ];

    private sealed class HidesVersion1(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override ulong ReadRegister(CommonField field)
        {
            var value = base.ReadRegister(field);
            return field == CommonField.DeviceFeature && Real(CommonField.DeviceFeatureSelect) == 1 ? value & ~(Features.Version1 >> 32) : value;
        }

        // A driver cannot accept what it does not see; the device takes it as accepted.
        protected override void WriteRegister(CommonField field, ulong value) => base.WriteRegister(
            field, field == CommonField.DriverFeature && Real(CommonField.DriverFeatureSelect) == 1 ? value | (Features.Version1 >> 32) : value);
    }

    private sealed class NeedsEventIdx(ITarget inner) : Refusing(inner)
    {
        protected override bool Refuses => (DriverFeatures() & Features.EventIdx) == 0;
    }

    private sealed class MirrorsFeatures(ITarget inner) : RegisterInterceptor(inner)
    {
        private readonly Dictionary<ulong, ulong> written = [];

        protected override ulong ReadRegister(CommonField field) => field == CommonField.DriverFeature
            ? written.GetValueOrDefault(Real(CommonField.DriverFeatureSelect))
            : base.ReadRegister(field);

        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (field == CommonField.DriverFeature)
            {
                var word = Real(CommonField.DriverFeatureSelect);
                written[word] = value;
                value &= With(CommonField.DeviceFeatureSelect, word, () => Real(CommonField.DeviceFeature));
            }
            base.WriteRegister(field, value);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) written.Clear();
            base.WriteStatus(status);
        }
    }

    private sealed class TiresOfNegotiating(ITarget inner) : Refusing(inner)
    {
        private int negotiations;

        protected override bool Refuses => negotiations % 60 == 59;

        protected override void WriteStatus(DeviceStatus status)
        {
            if ((status & (DeviceStatus.FeaturesOk | DeviceStatus.DriverOk)) == DeviceStatus.FeaturesOk) negotiations++;
            base.WriteStatus(status);
        }
    }

    private sealed class RefusesAfterSystemReset(ITarget inner) : Refusing(inner)
    {
        private bool wasReset;

        protected override bool Refuses => wasReset;

        public override void SystemReset()
        {
            base.SystemReset();
            wasReset = true;
        }
    }

    private sealed class LateProbeSize(ITarget inner) : RegisterInterceptor(inner)
    {
        private const uint ProbeSizeOffset = 32;

        protected override ulong ReadConfig(uint offset, int width) =>
            offset == ProbeSizeOffset && (ReadStatus() & DeviceStatus.FeaturesOk) == 0 ? 0 : base.ReadConfig(offset, width);
    }
}
