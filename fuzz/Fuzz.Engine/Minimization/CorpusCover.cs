using Viommu.Fuzz.Engine.Coverage;

namespace Viommu.Fuzz.Engine.Minimization;

/// <summary>Chooses, among many inputs, few that together reach all that the many do: the smallest first.</summary>
public static class CorpusCover
{
    /// <summary>The positions of the inputs that are chosen. Inputs that show a finding are left out.</summary>
    public static IReadOnlyList<int> Choose(IExecutor executor, IReadOnlyList<byte[]> inputs)
    {
        var novelty = new Novelty(executor.Counters.Length, executor.Observations.StateCount);
        var chosen = new List<int>();
        // By what they are, not by where they stand: the names of the files differ where the format of a target is not that of the bytes.
        var smallestFirst = Comparer<byte[]>.Create((one, two) => one.Length != two.Length ? one.Length - two.Length : one.AsSpan().SequenceCompareTo(two));
        foreach (int index in Enumerable.Range(0, inputs.Count).OrderBy(index => inputs[index], smallestFirst))
        {
            executor.Counters.Clear();
            if (executor.Execute(inputs[index]) is not null)
            {
                executor.Counters.Clear();
                continue;
            }

            if (novelty.Absorb(executor.Counters, executor.Observations)) chosen.Add(index);
        }

        return chosen;
    }
}
