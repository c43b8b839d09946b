using Viommu.Conformance.Checks.Pci;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of PCI configuration access (4.1.4.9).</summary>
internal static class BrokenPciWindow
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        BrokenDevice.Registers("ignores writes through the window", ["PCI-CFGACC-D-02"], target => new IgnoresWindowWrites(target)),
        BrokenDevice.Registers("writes four bytes through the window, whatever the length", ["PCI-CFGACC-D-02"], target => new WritesWide(target)),
        BrokenDevice.Registers("reads through the window what was there last", ["PCI-CFGACC-D-03.*-reads-the-register"], target => new ReadsStale(target)),
        BrokenDevice.Registers("only looks at the ISR status through the window", ["PCI-CFGACC-D-03.*-isr-status-*"], target => new PeeksAtIsr(target)),
    ];

    /// <summary>Knows where the window is.</summary>
    private abstract class WindowInterceptor(ITarget inner) : RegisterInterceptor(inner)
    {
        private int? capability;

        protected int Capability => capability ??= ShowsConfiguration.At(Function, StructureType.PciConfigurationAccess);

        protected bool IsData(PciAddress function, int offset) => function == Function.Address && offset >= Data && offset < Data + 4;

        private int Data => Capability + VirtioCapability.PlainSize;
    }

    private sealed class IgnoresWindowWrites(ITarget inner) : WindowInterceptor(inner)
    {
        public override void ConfigWrite(PciAddress function, int offset, int width, uint value)
        {
            if (!IsData(function, offset)) base.ConfigWrite(function, offset, width, value);
        }
    }

    private sealed class WritesWide(ITarget inner) : WindowInterceptor(inner)
    {
        private const int LengthAt = 12;

        public override void ConfigWrite(PciAddress function, int offset, int width, uint value)
        {
            if (!IsData(function, offset))
            {
                base.ConfigWrite(function, offset, width, value);
                return;
            }
            var length = Function.Read(Capability + LengthAt, 4);
            base.ConfigWrite(function, Capability + LengthAt, 4, 4);
            base.ConfigWrite(function, offset, width, value);
            base.ConfigWrite(function, Capability + LengthAt, 4, length);
        }
    }

    private sealed class ReadsStale(ITarget inner) : WindowInterceptor(inner)
    {
        private uint last;

        public override uint ConfigRead(PciAddress function, int offset, int width)
        {
            var value = base.ConfigRead(function, offset, width);
            if (!IsData(function, offset)) return value;
            var stale = last;
            last = value;
            return stale;
        }
    }

    private sealed class PeeksAtIsr(ITarget inner) : WindowInterceptor(inner)
    {
        private const int OffsetAt = 8;
        private const uint IsrOffset = 0x1000;

        private ulong kept;

        public override uint ConfigRead(PciAddress function, int offset, int width)
        {
            var value = base.ConfigRead(function, offset, width);
            if (IsData(function, offset) && Function.Read(Capability + OffsetAt, 4) == IsrOffset) kept = value;
            return value;
        }

        protected override ulong ReadIsr()
        {
            var isr = base.ReadIsr() | kept;
            kept = 0;
            return isr;
        }
    }
}
