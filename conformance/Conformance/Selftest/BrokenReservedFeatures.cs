using Viommu.Guest.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of the reserved feature bits (6).</summary>
internal static class BrokenReservedFeatures
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        BrokenDevice.Registers("refuses everyone once VERSION_1 was declined", ["CORE-RSVD-D-02"], target => new Sulking(target, 32)),

        // The reference device does not offer these two.
        BrokenDevice.Registers(
            "refuses everyone once ACCESS_PLATFORM was declined", ["CORE-RSVD-D-04"], target => new Sulking(new OffersBit(target, 33), 33)),
        BrokenDevice.Registers(
            "refuses everyone once ORDER_PLATFORM was declined", ["CORE-RSVD-D-06"], target => new Sulking(new OffersBit(target, 36), 36)),
        BrokenDevice.Registers("uses the first two requests of a batch in turned order", ["CORE-RSVD-D-05"], target => new TurnsOrder(target)),
        BrokenDevice.Registers("has an SR-IOV capability without offering SR_IOV", ["CORE-RSVD-D-09"], target => new SrIovCapability(target)),
        BrokenDevice.Registers("offers SR_IOV without the capability", ["CORE-RSVD-D-10"], target => new OffersBit(target, 37)),
    ];

    private sealed class Sulking(ITarget inner, int bit) : Refusing(inner)
    {
        private bool declined;

        protected override bool Refuses => declined;

        protected override void WriteStatus(DeviceStatus status)
        {
            base.WriteStatus(status);
            declined |= (status & DeviceStatus.FeaturesOk) != 0 && (DriverFeatures() >> bit & 1) == 0;
        }
    }

    private sealed class TurnsOrder(ITarget inner) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            int before = rings.UsedIndex;
            Pass(doorbell);
            if ((ushort)(rings.UsedIndex - before) > 1) (rings[before], rings[before + 1]) = (rings[before + 1], rings[before]);
        }
    }

    /// <summary>Puts a PCI Express capability in front of the list, and an SR-IOV one into extended configuration space.</summary>
    private sealed class SrIovCapability(ITarget inner) : RegisterInterceptor(inner)
    {
        private const int CapabilitiesPointer = 0x34;
        private const int PciExpressAt = 0xf0;
        private const int ExtendedSpace = 0x100;
        private const uint PciExpressId = 0x10;
        private const uint SrIovHeader = 0x0001_0010;

        public override uint ConfigRead(PciAddress function, int offset, int width)
        {
            var real = base.ConfigRead(function, offset, width);
            if (function != Function.Address) return real;
            return offset switch
            {
                CapabilitiesPointer => PciExpressAt,
                PciExpressAt => PciExpressId | base.ConfigRead(function, CapabilitiesPointer, 1) << 8,
                ExtendedSpace => SrIovHeader,
                _ => real,
            };
        }
    }
}
