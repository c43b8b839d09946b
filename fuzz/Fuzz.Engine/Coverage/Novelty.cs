using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Viommu.Fuzz.Engine.Coverage;

/// <summary>Everything that was ever reached: edges with their buckets, and abstract states.</summary>
public sealed class Novelty
{
    private readonly byte[] _buckets;
    private readonly bool[] _states;

    // For each block the two contents seen last, with which there is nothing new: most executions repeat what earlier ones did.
    private readonly byte[] _absorbed;

    /// <summary>Nothing was reached yet.</summary>
    public Novelty(int counters, int states)
    {
        _buckets = new byte[counters];
        _states = new bool[states];
        _absorbed = new byte[2 * counters];
    }

    /// <summary>Edges that were reached.</summary>
    public int Edges { get; private set; }

    /// <summary>Abstract states that were reached.</summary>
    public int States { get; private set; }

    /// <summary>Whether an edge was ever reached.</summary>
    public bool Reached(int edge) => _buckets[edge] != 0;

    /// <summary>Takes in what an execution reached, and zeroes the counters for the next one. True where something is new.</summary>
    public bool Absorb(Span<byte> counters, Observations observations)
    {
        bool isNew = AbsorbStates(observations.States);
        ref byte first = ref MemoryMarshal.GetReference(counters);
        ref byte absorbed = ref MemoryMarshal.GetArrayDataReference(_absorbed);
        for (int block = 0; block < counters.Length; block += Vector256<byte>.Count)
        {
            var hits = Vector256.LoadUnsafe(ref first, (nuint)block);
            if (hits == Vector256<byte>.Zero) continue;
            var last = Vector256.LoadUnsafe(ref absorbed, 2 * (nuint)block);
            if (hits != last && hits != Vector256.LoadUnsafe(ref absorbed, (2 * (nuint)block) + (nuint)Vector256<byte>.Count))
            {
                isNew |= AbsorbBlock(counters.Slice(block, Vector256<byte>.Count), ~Vector256.Equals(hits, Vector256<byte>.Zero).ExtractMostSignificantBits(), block);
                last.StoreUnsafe(ref absorbed, (2 * (nuint)block) + (nuint)Vector256<byte>.Count);
                hits.StoreUnsafe(ref absorbed, 2 * (nuint)block);
            }

            Vector256<byte>.Zero.StoreUnsafe(ref first, (nuint)block);
        }

        return isNew;
    }

    private bool AbsorbBlock(ReadOnlySpan<byte> hits, uint which, int offset)
    {
        bool isNew = false;
        var buckets = _buckets.AsSpan(offset, hits.Length);
        var byCount = Buckets.ByCount;
        for (; which != 0; which &= which - 1)
        {
            int index = BitOperations.TrailingZeroCount(which);
            byte bucket = byCount[hits[index]];
            byte known = buckets[index];
            if ((known & bucket) != 0) continue;
            if (known == 0) Edges++;
            buckets[index] = (byte)(known | bucket);
            isNew = true;
        }

        return isNew;
    }

    private bool AbsorbStates(ReadOnlySpan<int> states)
    {
        bool isNew = false;
        foreach (int state in states)
        {
            if (_states[state]) continue;
            _states[state] = isNew = true;
            States++;
        }

        return isNew;
    }
}
