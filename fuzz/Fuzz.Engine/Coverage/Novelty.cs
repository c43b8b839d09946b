using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Viommu.Fuzz.Engine.Coverage;

/// <summary>Everything that was ever reached: edges with their buckets, and abstract states.</summary>
public sealed class Novelty
{
    private readonly byte[] _buckets;
    private readonly bool[] _states;
    private readonly List<int> _fresh = [];

    /// <summary>Nothing was reached yet.</summary>
    public Novelty(int counters, int states)
    {
        _buckets = new byte[counters];
        _states = new bool[states];
    }

    /// <summary>Edges that were reached.</summary>
    public int Edges { get; private set; }

    /// <summary>Abstract states that were reached.</summary>
    public int States { get; private set; }

    /// <summary>What was new in the last execution, as <see cref="CoverageFeatures"/> numbers it.</summary>
    public IReadOnlyList<int> Fresh => _fresh;

    /// <summary>Whether an edge was ever reached.</summary>
    public bool Reached(int edge) => _buckets[edge] != 0;

    /// <summary>
    /// Takes in what an execution reached, and zeroes the counters for the next one, whose number is a multiple of
    /// <see cref="CounterMap.Block"/>. True where something is new.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public bool Absorb(Span<byte> counters, Observations observations)
    {
        _fresh.Clear();
        bool isNew = AbsorbStates(observations.States);
        ref byte first = ref MemoryMarshal.GetReference(counters);
        ref byte known = ref MemoryMarshal.GetArrayDataReference(_buckets);
        for (nuint block = 0; block < (nuint)counters.Length; block += CounterMap.Block)
        {
            ref byte one = ref Unsafe.Add(ref first, block);
            var low = Vector256.LoadUnsafe(ref one);
            var high = Vector256.LoadUnsafe(ref one, (nuint)Vector256<byte>.Count);
            if ((low | high) == Vector256<byte>.Zero) continue;
            low = Buckets.Of(low);
            high = Buckets.Of(high);
            ref byte before = ref Unsafe.Add(ref known, block);
            var fresh = Vector256.AndNot(low, Vector256.LoadUnsafe(ref before)) | Vector256.AndNot(high, Vector256.LoadUnsafe(ref before, (nuint)Vector256<byte>.Count));
            if (fresh != Vector256<byte>.Zero)
            {
                isNew = true;
                AbsorbBlock(low, ref before, (int)block);
                AbsorbBlock(high, ref Unsafe.Add(ref before, Vector256<byte>.Count), (int)block + Vector256<byte>.Count);
            }

            Vector256<byte>.Zero.StoreUnsafe(ref one);
            Vector256<byte>.Zero.StoreUnsafe(ref one, (nuint)Vector256<byte>.Count);
        }

        return isNew;
    }

    private void AbsorbBlock(Vector256<byte> buckets, ref byte before, int offset)
    {
        var known = Vector256.LoadUnsafe(ref before);
        var fresh = Vector256.AndNot(buckets, known);
        for (uint which = (~Vector256.Equals(fresh, Vector256<byte>.Zero)).ExtractMostSignificantBits(); which != 0; which &= which - 1)
        {
            int index = BitOperations.TrailingZeroCount(which);
            if (known[index] == 0) Edges++;
            _fresh.Add(CoverageFeatures.OfEdge(offset + index, fresh[index]));
        }

        (known | buckets).StoreUnsafe(ref before);
    }

    private bool AbsorbStates(ReadOnlySpan<int> states)
    {
        bool isNew = false;
        foreach (int state in states)
        {
            if (_states[state]) continue;
            _states[state] = isNew = true;
            _fresh.Add(CoverageFeatures.OfState(_buckets.Length, state));
            States++;
        }

        return isNew;
    }
}
