using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Transports;

/// <summary>What drivers do that behave, to start from: on every transport the same.</summary>
internal static class DriverSeeds
{
    private const byte Requests = 0;
    private const byte Events = 1;
    private const byte OtherPlace = 2;
    private const byte NotWanted = 1;

    /// <summary>Programs for one of the machines; names begin with <paramref name="prefix"/>.</summary>
    public static IEnumerable<Seed> For(byte machine, string prefix = "") =>
    [
        new($"{prefix}queue-changes-its-size", TransportTarget.Program(machine,
            Do(Steps.ResetQueue), Do(Steps.Survey), Do(Steps.Prepare, Requests, 2, OtherPlace), Do(Steps.Enable), Do(Steps.Survey),
            Do(Steps.Use, Requests, 1), Do(Steps.Use, Requests, 2), Do(Steps.Use, Requests, 2), Do(Steps.Use, Requests, 1), Do(Steps.Use, Requests, 2))),
        new($"{prefix}queue-is-reset-and-used", TransportTarget.Program(machine, Do(Steps.Use, Requests, 3), Do(Steps.ResetQueue), Do(Steps.Use, Requests, 1), Do(Steps.Reset), Do(Steps.Survey))),
        new($"{prefix}small-queue", TransportTarget.Program(machine, [Do(Steps.BringUp, Requests, 1), .. Enumerable.Repeat(Do(Steps.Use, Requests, 1), 5)])),
        new($"{prefix}queue-without-a-driver", TransportTarget.Program(machine,
            Do(Steps.Negotiate), Do(Steps.Prepare, Requests, 4), Do(Steps.GoLive), Do(Steps.Use, Requests, 2), Do(Steps.Survey), Do(Steps.Enable), Do(Steps.Use, Requests, 1))),
        new($"{prefix}queue-before-driver-ok", TransportTarget.Program(machine,
            Do(Steps.Negotiate), Do(Steps.Prepare, Requests, 4), Do(Steps.Enable), Do(Steps.Use, Requests, 2), Do(Steps.Survey), Do(Steps.GoLive), Do(Steps.Use, Requests, 1))),
        new($"{prefix}queue-stops", TransportTarget.Program(machine, Do(Steps.Use, Requests, 1), Do(Steps.Stop), Do(Steps.Use, Requests, 1), Do(Steps.Survey))),
        new($"{prefix}both-queues", TransportTarget.Program(machine,
            Do(Steps.Negotiate), Do(Steps.Prepare, Events, 3), Do(Steps.Enable, Events), Do(Steps.Prepare, Requests, 4), Do(Steps.Enable), Do(Steps.GoLive), Do(Steps.Survey),
            Do(Steps.Use, Events, 7), Do(Steps.Provoke), Do(Steps.Use, Requests, 2), Do(Steps.ResetQueue, Events), Do(Steps.Survey), Do(Steps.Provoke), Do(Steps.Use, Requests, 1))),
        new($"{prefix}suspends", TransportTarget.Program(machine,
            Do(Steps.Use, Requests, 1), Do(Steps.Acknowledge), Do(Steps.Suspend), Do(Steps.ChangeBypass), Do(Steps.Survey), Do(Steps.Use, Requests, 1), Do(Steps.Resume),
            Do(Steps.Use, Requests, 1), Do(Steps.Survey))),
        new($"{prefix}bypass-changes", TransportTarget.Program(machine,
            Do(Steps.Survey), Do(Steps.ChangeBypass), Do(Steps.Use, Requests, 1), Do(Steps.Survey), Do(Steps.Acknowledge), Do(Steps.WriteBypass, Requests, 1), Do(Steps.Survey),
            Do(Steps.ChangeBypass), Do(Steps.Reset), Do(Steps.Survey))),
        new($"{prefix}nobody-wants-to-know", TransportTarget.Program(machine,
            Do(Steps.Use, Requests, 1, NotWanted), Do(Steps.Acknowledge), Do(Steps.Use, Requests, 2, NotWanted), Do(Steps.Use, Requests, 1), Do(Steps.Acknowledge), Do(Steps.Use, Requests, 3))),
        new($"{prefix}bursts", TransportTarget.Program(machine,
            Do(Steps.Use, Requests, 24), Do(Steps.Acknowledge), Do(Steps.Suspend), Do(Steps.Survey), Do(Steps.Resume), Do(Steps.Use, Requests, 24), Do(Steps.ResetQueue), Do(Steps.Survey),
            Do(Steps.Reset))),
        new($"{prefix}bursts-and-event-indices", TransportTarget.Program(machine,
            Do(Steps.BringUp, choice: 4), Do(Steps.Use, Requests, 24), Do(Steps.Use, Requests, 1), Do(Steps.Use, Requests, 24), Do(Steps.Use, Requests, 1, NotWanted), Do(Steps.Use, Requests, 2))),
        new($"{prefix}wild-chain", TransportTarget.Program(machine, Do(Steps.BreakRing), Do(Steps.Use, Requests, 1), Do(Steps.Survey), Do(Steps.Reset))),
        new($"{prefix}negotiations", TransportTarget.Program(machine,
            Do(Steps.Negotiate, choice: Choice.AcceptMore), Do(Steps.Negotiate, choice: Choice.DeclineVersion1), Do(Steps.Negotiate, choice: Choice.WriteTwice),
            Do(Steps.Negotiate, choice: 4), Do(Steps.BringUp, Requests, 3, choice: 4 | Choice.OtherPages), Do(Steps.Use, Requests, 2), Do(Steps.Use, Requests, 1, NotWanted))),
    ];

    /// <summary>A step of a driver.</summary>
    public static byte[] Do(int kind, byte queue = 0, byte count = 0, byte flags = 0, uint choice = 0)
    {
        var step = TransportTarget.Step(kind, queue, choice, 0);
        (step[2], step[3]) = (count, flags);
        return step;
    }
}
