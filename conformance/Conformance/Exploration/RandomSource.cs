namespace Viommu.Conformance.Exploration;

/// <summary>Numbers that depend on a seed alone, on every platform and in every version (SplitMix64).</summary>
internal sealed class RandomSource(ulong seed)
{
    private ulong state = seed;

    /// <summary>A source of its own for the <paramref name="index"/>th sequence of a run.</summary>
    public static RandomSource For(ulong seed, int index) => new(new RandomSource(unchecked(seed + (ulong)index * 0xd1b5_4a32_d192_ed03)).Next64());

    public ulong Next64()
    {
        state = unchecked(state + 0x9e37_79b9_7f4a_7c15);
        var mixed = state;
        mixed = unchecked((mixed ^ (mixed >> 30)) * 0xbf58_476d_1ce4_e5b9);
        mixed = unchecked((mixed ^ (mixed >> 27)) * 0x94d0_49bb_1331_11eb);
        return mixed ^ (mixed >> 31);
    }

    /// <summary>A number below <paramref name="bound"/>.</summary>
    public int Next(int bound) => (int)(Next64() % (uint)bound);

    /// <summary>True once in <paramref name="times"/>.</summary>
    public bool OneIn(int times) => Next(times) == 0;

    public T Pick<T>(params ReadOnlySpan<T> choices) => choices[Next(choices.Length)];
}
