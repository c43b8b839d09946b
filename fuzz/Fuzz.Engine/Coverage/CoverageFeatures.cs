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
            if (counters[edge] != 0) features.Add(OfEdge(edge, Buckets.ByCount[counters[edge]]));
        }

        foreach (int state in observations.States) features.Add(OfState(counters.Length, state));
        return [.. features];
    }

    /// <summary>The feature of an edge that was taken as often as a bucket says.</summary>
    public static int OfEdge(int edge, byte bucket) => (edge * 8) + System.Numerics.BitOperations.Log2(bucket);

    /// <summary>The feature of a state, behind those of so many counters.</summary>
    public static int OfState(int counters, int state) => (counters * 8) + state;

    /// <summary>Whether an execution has all of these features.</summary>
    public static bool HasAll(ReadOnlySpan<byte> counters, Observations observations, ReadOnlySpan<int> features)
    {
        foreach (int feature in features)
        {
            int edge = feature / 8;
            bool has = edge < counters.Length ? OfEdge(edge, Buckets.ByCount[counters[edge]]) == feature : observations.States.Contains(feature - (counters.Length * 8));
            if (!has) return false;
        }

        return true;
    }

    /// <summary>How many there can be.</summary>
    public static int Count(int counters, int states) => (counters * 8) + states;
}
