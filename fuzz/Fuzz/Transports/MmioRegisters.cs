using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Transports;

/// <summary>Where registers of virtio-mmio are, and accesses to start from.</summary>
internal static class MmioRegisters
{
    private const int Write = 1;

    /// <summary>All control registers, and the configuration behind them.</summary>
    public static ulong[] Offsets { get; } = [.. Enumerable.Range(0, 80).Select(i => (ulong)(4 * i)), 0x030, 0x038, 0x044, 0x050, 0x050, 0x050, 0x064, 0x070, 0x070, 0x070, 0x0c0, 0x124];

    public static IEnumerable<Seed> Seeds() =>
    [
        new("served-request", TransportTarget.Program(0, Step(Steps.Offer), Set(0x050, 0), Set(0x064, 3))),
        new("reset-in-the-middle", TransportTarget.Program(0, Step(Steps.Offer), Set(0x070, 0), Set(0x050, 0), Set(0x070, 1), Set(0x070, 3))),
        new("suspend-and-resume", TransportTarget.Program(0, Set(0x070, 0x1f), Step(Steps.Offer), Set(0x050, 0), Set(0x070, 0x1f), Set(0x050, 0))),
        new("queue-reset", TransportTarget.Program(0, Set(0x030, 0), Set(0x0c0, 1), Set(0x044, 1), Step(Steps.Offer), Set(0x050, 0))),
        new("odd-widths", TransportTarget.Program(0, TransportTarget.Step(0, 1, 0x100, 0), TransportTarget.Step(0, 8, 0x108, 0), TransportTarget.Step(Write, 2, 0x070, 0), Step(Steps.Provoke))),
        new("half-acknowledged", TransportTarget.Program(0, DriverSeeds.Do(Steps.Use, count: 1), DriverSeeds.Do(Steps.ChangeBypass), Set(0x064, 1), DriverSeeds.Do(Steps.Survey))),
        .. DriverSeeds.For(0),
    ];

    private static byte[] Set(uint register, ulong value) => TransportTarget.Step(Write, 4, register, value);

    private static byte[] Step(int kind) => TransportTarget.Step(kind, 4, 0, 0);
}
