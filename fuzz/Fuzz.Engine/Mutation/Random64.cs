using System.Numerics;
using System.Runtime.CompilerServices;

namespace Viommu.Fuzz.Engine.Mutation;

/// <summary>
/// Random numbers that depend on the seed and on nothing else, on every machine and in every version of the runtime (xoshiro256**), so
/// that a campaign can be run again.
/// </summary>
public sealed class Random64
{
    private ulong _a, _b, _c, _d;

    /// <summary>Starts the sequence of <paramref name="seed"/>.</summary>
    public Random64(ulong seed) => Restart(seed);

    /// <summary>Starts the sequence of <paramref name="seed"/> again.</summary>
    public void Restart(ulong seed)
    {
        _a = Spread(ref seed);
        _b = Spread(ref seed);
        _c = Spread(ref seed);
        _d = Spread(ref seed);
    }

    /// <summary>The next 64 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Next()
    {
        ulong result = BitOperations.RotateLeft(_b * 5, 7) * 9;
        ulong shifted = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= shifted;
        _d = BitOperations.RotateLeft(_d, 45);
        return result;
    }

    /// <summary>A number from 0 to <paramref name="bound"/> - 1; 0 where the bound is not positive.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Below(int bound) => bound <= 0 ? 0 : (int)(((Next() >> 32) * (uint)bound) >> 32);

    /// <summary>True once in <paramref name="times"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool OneIn(int times) => Below(times) == 0;

    /// <summary>A number in [0, 1).</summary>
    public double Fraction() => (Next() >> 11) * (1.0 / (1UL << 53));

    // SplitMix64: neighbouring seeds give unrelated states, and none gives the state that is all zero.
    private static ulong Spread(ref ulong seed)
    {
        ulong mixed = seed += 0x9e37_79b9_7f4a_7c15;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58_476d_1ce4_e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d0_49bb_1331_11eb;
        return mixed ^ (mixed >> 31);
    }
}
