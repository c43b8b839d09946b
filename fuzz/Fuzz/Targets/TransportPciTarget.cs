using Viommu.Fuzz.Transports;
using Viommu.Guest.Targets.Model;

namespace Viommu.Fuzz.Targets;

/// <summary>Configuration space, registers and MSI-X table of modern virtio-pci.</summary>
internal static class TransportPciTarget
{
    private static readonly ulong[] _registers =
    [
        .. Enumerable.Range(0, 16).Select(i => (ulong)(4 * i)), 0x10, 0x12, 0x14, 0x14, 0x15, 0x16, 0x18, 0x1a, 0x1c, 0x1e, 0x3a, 0x1000, 0x2000, 0x2020, 0x2024, 0x3000, 0x3000, 0x3004,
    ];

    private static readonly ulong[] _msix = [.. Enumerable.Range(0, 12).Select(i => (ulong)(4 * i)), 0x800, 0x1000];

    public static readonly TargetInfo Info = new(
        "transport-pci", "configuration space, register and MSI-X accesses of any width to virtio-pci", TransportTarget.Shape(1, isPci: true, _registers, _msix, []),
        TransportTarget.StateCount, subject => new TransportTarget(new PciMachine(subject)))
    {
        Shows = subject => subject.VariesPci || (subject.InterceptsRegistersOf(ModelTransport.Pci) && subject.IsOnRing(ModelRing.Split)),
        Constants = [.. SpecConstants.PciRegisters, .. SpecConstants.Statuses, .. SpecConstants.FeatureBits],
        Seeds = () =>
        [
            new("served-request", TransportTarget.Program(0, TransportTarget.Step(8, 4, 0, 0), TransportTarget.Step(1, 2, 0x3000, 0), TransportTarget.Step(0, 1, 0x1000, 0))),
            new("reset-in-the-middle", TransportTarget.Program(0, TransportTarget.Step(1, 1, 0x14, 0), TransportTarget.Step(1, 2, 0x3000, 0), TransportTarget.Step(1, 1, 0x14, 3))),
            new("bars-move", TransportTarget.Program(0, TransportTarget.Step(5, 4, 0x10, 0xffff_ffff), TransportTarget.Step(4, 4, 0x10, 0), TransportTarget.Step(5, 2, 4, 0))),
            new("queue-reset", TransportTarget.Program(0, TransportTarget.Step(1, 2, 0x16, 0), TransportTarget.Step(1, 2, 0x3a, 1), TransportTarget.Step(1, 2, 0x1c, 1))),
            new("driver-gives-up", TransportTarget.Program(0, TransportTarget.Step(1, 1, 0x14, 0x8f), DriverSeeds.Do(Steps.Reset))),
            new("read-only-registers", TransportTarget.Program(0,
                DriverSeeds.Do(Steps.Survey), TransportTarget.Step(1, 2, 0x12, 7), TransportTarget.Step(1, 2, 0x1e, 7), TransportTarget.Step(1, 1, 0x15, 7), DriverSeeds.Do(Steps.Survey))),
            new("read-only-configuration", TransportTarget.Program(0,
                [TransportTarget.Step(5, 4, 0x2c, ulong.MaxValue), .. Enumerable.Range(16, 32).Select(i => TransportTarget.Step(5, 4, (uint)(4 * i), 0x7f7f_7f7f)), DriverSeeds.Do(Steps.Survey)])),
            new("wrong-widths", TransportTarget.Program(0, [.. Enumerable.Range(0, 16).Select(i => TransportTarget.Step(0, 4, (uint)(4 * i), 0)), TransportTarget.Step(0, 8, 0x18, 0)])),
            .. DriverSeeds.For(0),
            .. PciSeeds.For(0),
        ],
    };
}
