using Viommu.Fuzz.Targets;
using Viommu.Fuzz.Transports.Judging;
using static Viommu.Fuzz.Transports.DriverSeeds;

namespace Viommu.Fuzz.Transports;

/// <summary>What drivers of a PCI function do, to start from.</summary>
internal static class PciSeeds
{
    private const byte Unmapped = 0xff;
    private const byte Masked = 1;
    private const byte Events = 1;
    private const byte ConfigurationEvent = MessageJudge.ConfigurationEvent;

    public static IEnumerable<Seed> For(byte machine, string prefix = "") =>
    [
        new($"{prefix}messages", TransportTarget.Program(machine,
            Do(Steps.Map, 0, 1), Do(Steps.Map, ConfigurationEvent, 2), Do(Steps.Use, 0, 1), Do(Steps.ChangeBypass), Do(Steps.Survey), Do(Steps.Acknowledge),
            Do(Steps.Map, ConfigurationEvent, 1), Do(Steps.Use, 0, 1), Do(Steps.ChangeBypass), Do(Steps.Reset), Do(Steps.Survey))),
        new($"{prefix}messages-of-both-queues", TransportTarget.Program(machine,
            Do(Steps.Negotiate), Do(Steps.Map, 0, 0), Do(Steps.Map, Events, 2), Do(Steps.Survey), Do(Steps.Prepare, Events, 3), Do(Steps.Enable, Events), Do(Steps.Prepare, 0, 4),
            Do(Steps.Enable), Do(Steps.GoLive), Do(Steps.Use, Events, 2), Do(Steps.Provoke), Do(Steps.Use, 0, 1), Do(Steps.Survey))),
        new($"{prefix}messages-go-nowhere", TransportTarget.Program(machine,
            Do(Steps.Map, 0, 1), Do(Steps.Map, 0, Unmapped), Do(Steps.Use, 0, 1), Do(Steps.Map, ConfigurationEvent, Unmapped), Do(Steps.ChangeBypass), Do(Steps.Map, ConfigurationEvent, 3),
            Do(Steps.Map, 0, 7), Do(Steps.Survey))),
        new($"{prefix}messages-are-masked", TransportTarget.Program(machine,
            Do(Steps.Map, 0, 1), Do(Steps.Mask, Masked, 1), Do(Steps.Use, 0, 1), Do(Steps.Mask, 0, 1), Do(Steps.Map, 0, 1, RegisterMachine.MasksAll), Do(Steps.Use, 0, 1), Do(Steps.Map, 0, 1))),
        new($"{prefix}messages-after-a-queue-reset", TransportTarget.Program(machine,
            Do(Steps.Map, 0, 1), Do(Steps.Use, 0, 1), Do(Steps.ResetQueue), Do(Steps.Prepare, 0, 4), Do(Steps.Map, 0, 2), Do(Steps.Enable), Do(Steps.Use, 0, 1), Do(Steps.Suspend),
            Do(Steps.ChangeBypass), Do(Steps.Resume))),
        new($"{prefix}commands", TransportTarget.Program(machine,
            Do(Steps.Command, 0, RegisterMachine.BusMaster), Do(Steps.Survey), Do(Steps.Command, 0, RegisterMachine.MemorySpace), Do(Steps.Use, 0, 1), Do(Steps.Command, 0, 7),
            Do(Steps.Use, 0, 1), Do(Steps.Acknowledge))),
        new($"{prefix}other-structures", TransportTarget.Program(machine,
            Do(Steps.BringUp, choice: Choice.OtherStructures), Do(Steps.Use, 0, 1), Do(Steps.Survey), Do(Steps.Acknowledge), Do(Steps.ChangeBypass), Do(Steps.Acknowledge))),
        new($"{prefix}through-the-window", TransportTarget.Program(machine,
            Do(Steps.BringUp, choice: Choice.ThroughWindow), Do(Steps.Use, 0, 1), Do(Steps.Survey), Do(Steps.Acknowledge), Do(Steps.Acknowledge), Do(Steps.ChangeBypass), Do(Steps.Survey))),
        new($"{prefix}halves-of-addresses", TransportTarget.Program(machine, Do(Steps.Survey, choice: 7))),
    ];
}
