using System.Numerics;
using System.Runtime.CompilerServices;
using Viommu.Fuzz.Engine.Findings;

namespace Viommu.Fuzz.Engine.Coverage;

/// <summary>
/// What a target tells of one execution beside code coverage: the abstract states it went through, numbered without collisions, and a
/// trace of everything observable, which is the same whenever the input is.
/// </summary>
public sealed class Observations
{
    private readonly uint[] _visitedIn;
    private readonly int[] _visited;
    private int _visitedCount;
    private uint _execution;

    /// <summary>Makes room for the states 0 to <paramref name="stateCount"/> - 1.</summary>
    public Observations(int stateCount)
    {
        _visitedIn = new uint[stateCount];
        _visited = new int[stateCount];
    }

    /// <summary>Number of states that there are.</summary>
    public int StateCount => _visitedIn.Length;

    /// <summary>The states of this execution, each once, in the order in which they were reached.</summary>
    public ReadOnlySpan<int> States => _visited.AsSpan(0, _visitedCount);

    /// <summary>Stands for everything that was observed, in its order.</summary>
    public ulong Trace { get; private set; }

    /// <summary>Requests, accesses or whatever else the target's inputs are made of, that this execution has carried out.</summary>
    public int Operations { get; set; }

    /// <summary>What this execution cost, in a unit that is the same on every machine: loops of the code under test where they are counted, else operations.</summary>
    public int Work
    {
        get => field > 0 ? field : Operations;
        set;
    }

    /// <summary>Where the target tells what it does; null where nobody listens, which is nearly always.</summary>
    public Story? Story { get; set; }

    /// <summary>Another execution begins.</summary>
    public void Begin()
    {
        Work = 0;
        _visitedCount = 0;
        Trace = 0;
        Operations = 0;
        if (++_execution != 0) return;
        Array.Clear(_visitedIn);
        _execution = 1;
    }

    /// <summary>The execution reached a state; a number that is none is a mistake of the target.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Visit(int state)
    {
        ref uint visitedIn = ref _visitedIn[state];
        if (visitedIn == _execution) return;
        visitedIn = _execution;
        _visited[_visitedCount++] = state;
    }

    /// <summary>Something was observed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Saw(ulong value) => Trace = (BitOperations.RotateLeft(Trace, 23) ^ value) * 0x9e37_79b9_7f4a_7c15;
}
