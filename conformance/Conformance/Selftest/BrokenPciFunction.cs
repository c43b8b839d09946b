using Viommu.Conformance.Checks.Pci;
using Viommu.Guest.Pci;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of PCI itself (4.1), and of how a virtio device is discovered on it (4.1.2).</summary>
internal static class BrokenPciFunction
{
    private const int CommandAt = 0x04;
    private const int FirstBarAt = 0x10;
    private const int SubsystemAt = 0x2e;

    public static IEnumerable<BrokenDevice> All() =>
    [
        Showing("has a capability list that loops", ["PCI-GEN-D-01.the-capability-list-*"],
            function => [new ShownByte(function.Capabilities().Last().Offset + 1, (byte)function.Capabilities().First().Offset)]),
        Showing("has a capability that reaches into the next one", ["PCI-GEN-D-01.the-capability-list-*"],
            function => [new ShownByte(ShowsConfiguration.At(function, StructureType.Common) + 2, 0x20)]),
        BrokenDevice.Registers("has a BAR whose size is no power of two", ["PCI-GEN-D-01.each-bar-*"], target => new OddBar(target)),
        BrokenDevice.Registers("lets the driver write its subsystem ID", ["PCI-GEN-D-01.the-identifying-fields-*"], target => new WritableByte(target, _ => SubsystemAt)),
        BrokenDevice.Registers("decodes memory whatever Memory Space Enable says", ["PCI-GEN-D-01.registers-in-memory-*"], target => new IgnoresCommand(target, PciCommand.MemorySpace)),
        BrokenDevice.Registers("masters the bus whatever Bus Master Enable says", ["PCI-GEN-D-01.nothing-is-written-*"], target => new IgnoresCommand(target, PciCommand.BusMaster)),
        BrokenDevice.Registers("sends the messages of masked vectors", ["PCI-GEN-D-01.a-masked-vector-*"], target => new IgnoresMask(target)),
        BrokenDevice.Registers("has another vendor ID in 32-bit accesses", ["PCI-DISC-D-02"], target => new WideIds(target, 0x1057_1af5)),
        BrokenDevice.Registers("has a transitional device ID in 32-bit accesses", ["PCI-DISC-D-03", "PCI-DISC-D-05"], target => new WideIds(target, 0x1017_1af4)),
        Showing("has revision ID 0", ["PCI-DISC-D-06"], _ => [new ShownByte(0x08, 0)]),
        Showing("has its virtio ID as subsystem ID", ["PCI-DISC-D-07"], _ => [new ShownByte(SubsystemAt, 23), new ShownByte(SubsystemAt + 1, 0)]),
    ];

    private static BrokenDevice Showing(string name, string[] breaks, Func<PciFunction, IEnumerable<ShownByte>> shown) =>
        BrokenDevice.Registers(name, breaks, target => new ShowsConfiguration(target, shown));

    private sealed class OddBar(ITarget inner) : RegisterInterceptor(inner)
    {
        private const uint Hole = 0x0040_0000;

        // All address bits read as ones only where the guest has just sized the BAR.
        public override uint ConfigRead(PciAddress function, int offset, int width)
        {
            var value = base.ConfigRead(function, offset, width);
            return function == Function.Address && offset == FirstBarAt && value > 0xffff_0000 ? value & ~Hole : value;
        }
    }

    /// <summary>Shows a bit of the command register as written, and takes it as set from the first time on.</summary>
    private sealed class IgnoresCommand(ITarget inner, PciCommand bit) : RegisterInterceptor(inner)
    {
        private uint? written;

        public override uint ConfigRead(PciAddress function, int offset, int width)
        {
            var value = base.ConfigRead(function, offset, width);
            return function == Function.Address && offset == CommandAt && written is { } shown ? (value & ~(uint)bit) | (shown & (uint)bit) : value;
        }

        public override void ConfigWrite(PciAddress function, int offset, int width, uint value)
        {
            if (function == Function.Address && offset == CommandAt)
            {
                var wasSet = ((written ?? 0) & (uint)bit) != 0 || (base.ConfigRead(function, offset, width) & (uint)bit) != 0;
                written = value;
                if (wasSet) value |= (uint)bit;
            }
            base.ConfigWrite(function, offset, width, value);
        }
    }

    private sealed class IgnoresMask(ITarget inner) : RegisterInterceptor(inner)
    {
        private const int VectorControl = 12;
        private const int EntrySize = 16;

        public override void MmioWrite(ulong address, int width, ulong value)
        {
            var capability = MessageVectors.CapabilityOf(Function);
            var location = Function.Read(capability + 4, 4);
            var table = (Function.Read(FirstBarAt + 4 * ((int)location & 7), 4) & ~0xfUL) + (location & ~7u);
            var isControl = address >= table && address < table + EntrySize * (uint)MessageVectors.CountOf(Function, capability) && (address - table) % EntrySize == VectorControl;
            base.MmioWrite(address, width, isControl ? 0 : value);
        }
    }

    private sealed class WideIds(ITarget inner, uint ids) : RegisterInterceptor(inner)
    {
        public override uint ConfigRead(PciAddress function, int offset, int width) =>
            function == Function.Address && offset == 0 && width == 4 ? ids : base.ConfigRead(function, offset, width);
    }
}
