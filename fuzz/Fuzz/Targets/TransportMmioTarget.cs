using Viommu.Fuzz.Transports;

namespace Viommu.Fuzz.Targets;

/// <summary>Registers of virtio-mmio version 2.</summary>
internal static class TransportMmioTarget
{
    public static readonly TargetInfo Info = new(
        "transport-mmio", "register accesses of any width to virtio-mmio", TransportTarget.Shape(1, isPci: false, MmioRegisters.Offsets, [], []),
        TransportTarget.StateCount, variation => new TransportTarget(new MmioMachine(variation)))
    {
        Seeds = MmioRegisters.Seeds,
    };
}
