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
        foreach (int index in Enumerable.Range(0, inputs.Count).OrderBy(index => inputs[index].Length).ThenBy(index => index))
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
