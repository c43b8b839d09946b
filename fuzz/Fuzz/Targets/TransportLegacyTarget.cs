using Viommu.Fuzz.Transports;
using Viommu.Guest.Targets.Model;

namespace Viommu.Fuzz.Targets;

/// <summary>Registers of virtio-mmio version 1, and the legacy interface of a transitional virtio-pci function.</summary>
internal static class TransportLegacyTarget
{
    private static readonly ulong[] _ports = [0, 4, 8, 0xc, 0xe, 0x10, 0x10, 0x12, 0x12, 0x13, 0x14, 0x16, 0x18, 0x38, 0x3c];

    public static readonly TargetInfo Info = new(
        "transport-legacy", "accesses of any width to virtio-mmio version 1 and to transitional virtio-pci",
        TransportTarget.Shape(2, isPci: true, MmioRegisters.Offsets, MmioRegisters.Offsets, _ports), TransportTarget.StateCount,
        subject => new TransportTarget(new LegacyMmioMachine(subject), new LegacyPciMachine(subject)))
    {
        Shows = subject => subject.InterceptsRegistersOf(ModelTransport.LegacyMmio) || subject.InterceptsRegistersOf(ModelTransport.TransitionalPci),
        Constants = [.. SpecConstants.LegacyPorts, .. SpecConstants.MmioRegisters, .. SpecConstants.PciRegisters, .. SpecConstants.Statuses, .. SpecConstants.FeatureBits],
        Seeds = () =>
        [
            new("mmio-served-request", TransportTarget.Program(0, TransportTarget.Step(8, 4, 0, 0), TransportTarget.Step(1, 4, 0x050, 0))),
            new("mmio-queue-moves", TransportTarget.Program(0, TransportTarget.Step(1, 4, 0x040, 0), TransportTarget.Step(1, 4, 0x028, 0x1000), TransportTarget.Step(1, 4, 0x03c, 64), TransportTarget.Step(1, 4, 0x040, 0x101))),
            new("pci-served-request", TransportTarget.Program(1, TransportTarget.Step(8, 4, 0, 0), TransportTarget.Step(7, 2, 0x10, 0), TransportTarget.Step(6, 1, 0x13, 0))),
            new("pci-both-interfaces", TransportTarget.Program(1, TransportTarget.Step(7, 1, 0x12, 0), TransportTarget.Step(1, 1, 0x14, 3), TransportTarget.Step(7, 4, 4, 0xffff_ffff), TransportTarget.Step(1, 1, 0x14, 0xb))),
            new("pci-bypass-by-32-bits", TransportTarget.Program(1,
                DriverSeeds.Do(Steps.BringUp, choice: Choice.OtherPages), DriverSeeds.Do(Steps.WriteBypass, count: 1), DriverSeeds.Do(Steps.Survey), DriverSeeds.Do(Steps.WriteBypass), DriverSeeds.Do(Steps.Survey))),
            .. DriverSeeds.For(0, "mmio-"),
            .. DriverSeeds.For(1, "pci-"),
            .. PciSeeds.For(1, "pci-"),
        ],
    };
}
