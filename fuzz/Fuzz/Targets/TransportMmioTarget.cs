using Viommu.Fuzz.Transports;
using Viommu.Guest.Targets.Model;

namespace Viommu.Fuzz.Targets;

/// <summary>Registers of virtio-mmio version 2.</summary>
internal static class TransportMmioTarget
{
    public static readonly TargetInfo Info = new(
        "transport-mmio", "register accesses of any width to virtio-mmio", TransportTarget.Shape(1, isPci: false, MmioRegisters.Offsets, [], []),
        TransportTarget.StateCount, subject => new TransportTarget(new MmioMachine(subject)))
    {
        Shows = subject => subject.InterceptsRegistersOf(ModelTransport.Mmio),
        Constants = [.. SpecConstants.MmioRegisters, .. SpecConstants.Statuses, .. SpecConstants.FeatureBits],
        Seeds = MmioRegisters.Seeds,
    };
}
