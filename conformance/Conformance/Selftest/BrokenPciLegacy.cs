using Viommu.Guest.Pci;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break what 4.1.4.10 and 4.1.5.1.3.1 say of the legacy interface without keywords.</summary>
internal static class BrokenPciLegacy
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        BrokenDevice.Registers(ModelTransport.TransitionalPci, "does not show accepted features in the legacy header", ["DESC-PCI-03"], target => new HidesFeatures(target)),
        BrokenDevice.Registers(ModelTransport.TransitionalPci, "takes 13 bits of Queue Address", ["DESC-PCI-04"], target => new ShortQueueAddress(target)),
    ];

    /// <summary>Stands before the legacy header of a transitional function.</summary>
    private abstract class HeaderInterceptor(ITarget inner) : TargetInterceptor(inner)
    {
        protected const int DriverFeatures = 4;
        protected const int QueueAddress = 8;

        /// <summary>The offset of a port in the legacy header.</summary>
        protected int OffsetOf(ushort port) => port - (ushort)(PciBus.FindTransitionalIommu(Inner).Read(0x10, 4) & ~3u);
    }

    private sealed class HidesFeatures(ITarget inner) : HeaderInterceptor(inner)
    {
        public override uint IoRead(ushort port, int width) => OffsetOf(port) == DriverFeatures ? 0 : base.IoRead(port, width);
    }

    private sealed class ShortQueueAddress(ITarget inner) : HeaderInterceptor(inner)
    {
        public override void IoWrite(ushort port, int width, uint value) => base.IoWrite(port, width, OffsetOf(port) == QueueAddress ? value & 0x1fff : value);
    }
}
