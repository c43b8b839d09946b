using Viommu.Device.Wire;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using DeviceStatus = Viommu.Guest.Wire.DeviceStatus;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of the legacy interface of virtio-pci (4.1.2.3, 4.1.4.10, 4.1.5.1.3.1).</summary>
internal static class BrokenLegacyPci
{
    private const int Revision = 0x08;
    private const int DeviceId = 0x02;
    private const int Subsystem = 0x2e;

    public static IEnumerable<BrokenDevice> All() =>
    [
        Pci("is transitional, of revision 1", "LEGACY-PCIDISC-D-01", target => new ShowsIdentity(target, Revision, 1)),
        Pci("is transitional, with the subsystem ID of modern functions", "LEGACY-PCIDISC-D-02", target => new ShowsIdentity(target, Subsystem, 0x40 + 23)),
        Pci("is transitional, with a modern device ID", "LEGACY-PCIDISC-D-03", target => new ShowsIdentity(target, DeviceId, 0x1057)),
        Pci("has 32 bytes in BAR0", "LEGACY-PCI-D-01", target => new HasSmallBar(target)),
        Pci("reads as 0 by less than 32 bits", ["LEGACY-PCI-D-02.the-configuration-*", "LEGACY-PCI-V-02"], target => new ReadsWordsAlone(target)),
        Pci("takes bypass by 8 bits alone", "LEGACY-PCI-D-02.bypass-*", target => new WritesBytesAlone(target)),
        Pci("keeps its configuration at 20 when MSI-X is enabled", "LEGACY-PCI-D-03", target => new StaysWithMsix(target)),
        Pci("stays a modern device over a reset", "LEGACY-PCI-D-04", target => new StaysModern(target)),
        Useless("has its used ring a page further on", "LEGACY-VQ-D-01.*-over-pci", target => new UsesElsewhere(target)),
        Pci("keeps its ISR status when it is read", "DESC-LEGACY-08", target => new KeepsIsr(target)),
    ];

    private static BrokenDevice Pci(string name, string breaks, Func<ITarget, LegacyPciInterceptor> intercept) => Pci(name, [breaks], intercept);

    private static BrokenDevice Pci(string name, string[] breaks, Func<ITarget, LegacyPciInterceptor> intercept) =>
        BrokenDevice.Registers(ModelTransport.TransitionalPci, name, breaks, intercept);

    /// <summary>One that no driver can use: without PROBE, so that none is needed to look it over.</summary>
    private static BrokenDevice Useless(string name, string breaks, Func<ITarget, LegacyPciInterceptor> intercept) => Pci(name, breaks, intercept).Without(IommuFeatures.Probe);

    private sealed class ShowsIdentity(ITarget inner, int shown, uint value) : LegacyPciInterceptor(inner)
    {
        public override uint ConfigRead(PciAddress function, int offset, int width) =>
            offset == shown && function == Function.Address ? value : base.ConfigRead(function, offset, width);
    }

    private sealed class HasSmallBar(ITarget inner) : LegacyPciInterceptor(inner)
    {
        private const int Bar0 = 0x10;
        private const uint Probed = 0xffc1;

        public override uint ConfigRead(PciAddress function, int offset, int width)
        {
            var value = base.ConfigRead(function, offset, width);
            return function == Function.Address && offset == Bar0 && (value & Probed) == Probed ? value | 0xffe1 : value;
        }
    }

    private sealed class ReadsWordsAlone(ITarget inner) : LegacyPciInterceptor(inner)
    {
        protected override uint ReadConfig(int offset, int width) =>
            width < 4 && offset < Guest.Wire.IommuConfig.BypassOffset ? 0 : base.ReadConfig(offset, width);
    }

    private sealed class WritesBytesAlone(ITarget inner) : LegacyPciInterceptor(inner)
    {
        protected override void WriteConfig(int offset, int width, uint value)
        {
            if (width == 1) base.WriteConfig(offset, width, value);
        }
    }

    private sealed class StaysWithMsix(ITarget inner) : LegacyPciInterceptor(inner)
    {
        protected override uint ReadConfig(int offset, int width) => base.ReadConfig(IsMoved ? offset + 4 : offset, width);
    }

    private sealed class StaysModern(ITarget inner) : LegacyPciInterceptor(inner)
    {
        private bool wasModern;

        public override void MmioWrite(ulong address, int width, ulong value)
        {
            var common = VirtioWindows.Find(Function).Common;
            wasModern |= common.Holds(address) && common.OffsetOf(address) == CommonField.DeviceStatus.Offset && (value & (ulong)DeviceStatus.FeaturesOk) != 0;
            base.MmioWrite(address, width, value);
        }

        protected override void Notify(int queue)
        {
            if (!wasModern) base.Notify(queue);
        }
    }

    private sealed class UsesElsewhere(ITarget inner) : LegacyPciInterceptor(inner)
    {
        private const int Page = 4096;

        protected override void Notify(int queue)
        {
            WriteReal(LegacyHeader.QueueSelect, (uint)queue);
            var size = (int)Real(LegacyHeader.QueueSize);
            var place = Real(LegacyHeader.QueueAddress) * (ulong)Page + (ulong)((16 * size + 6 + 2 * size + Page - 1) / Page * Page);
            Span<byte> ring = new byte[6 + 8 * size], moved = new byte[ring.Length];
            Ram.Read(place, ring);
            base.Notify(queue);
            Ram.Read(place, moved);
            Ram.Write(place + Page, moved);
            Ram.Write(place, ring);
        }
    }

    private sealed class KeepsIsr(ITarget inner) : LegacyPciInterceptor(inner)
    {
        private uint kept;

        protected override uint ReadField(LegacyHeader field) => field == LegacyHeader.IsrStatus ? kept |= base.ReadField(field) : base.ReadField(field);

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) kept = 0;
            base.WriteStatus(status);
        }
    }
}
