namespace Viommu.Fuzz.Engine.Coverage;

/// <summary>What one execution reached, as numbers: eight for the buckets of each edge, then one for each abstract state.</summary>
public static class CoverageFeatures
{
    /// <summary>The features of an execution, ascending but for the states.</summary>
    public static int[] Of(ReadOnlySpan<byte> counters, Observations observations)
    {
        var features = new List<int>();
        for (int edge = 0; edge < counters.Length; edge++)
        {
            if (counters[edge] != 0) features.Add((edge * 8) + System.Numerics.BitOperations.Log2(Buckets.ByCount[counters[edge]]));
        }

        foreach (int state in observations.States) features.Add((counters.Length * 8) + state);
        return [.. features];
    }

    /// <summary>How many there can be.</summary>
    public static int Count(int counters, int states) => (counters * 8) + states;
}
