using Viommu.Fuzz.Engine;

namespace Viommu.Fuzz.Afl;

/// <summary>
/// The map that AFL++ sees: a byte that is always 1, since a map that is all zero looks like a target without instrumentation, then the
/// edges, then the abstract states where they are few enough to be worth their room.
/// </summary>
internal sealed unsafe class AflMap(IExecutor executor, nint address)
{
    // AFL++ goes through the whole map on each execution.
    private const int MostStates = 8192;

    private readonly byte* _map = (byte*)address;

    public static int SizeFor(IExecutor executor) => 1 + executor.Counters.Length + (executor.Observations.StateCount <= MostStates ? executor.Observations.StateCount : 0);

    /// <summary>Shows what the last execution has reached.</summary>
    public void Publish()
    {
        if (_map is null) return;
        var counters = executor.Counters;
        _map[0] = 1;
        counters.CopyTo(new Span<byte>(_map + 1, counters.Length));
        counters.Clear();
        if (executor.Observations.StateCount > MostStates) return;
        foreach (int state in executor.Observations.States) _map[1 + counters.Length + state] = 1;
    }
}
