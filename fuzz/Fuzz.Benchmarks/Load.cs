using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Benchmarks;

/// <summary>Inputs as campaigns run them, most of the time.</summary>
internal static class Load
{
    public const int Inputs = 64;

    private const int FewestSteps = 8;

    /// <summary>Inputs of a target, the seeds in turn; programs have eight steps at least, by running seeds one behind the other.</summary>
    public static byte[][] Of(TargetInfo target)
    {
        var seeds = target.Seeds().Select(seed => seed.Input).ToArray();
        var shape = target.Shape;
        var inputs = new byte[Inputs][];
        for (int i = 0; i < inputs.Length; i++)
        {
            var input = seeds[i % seeds.Length];
            for (int next = i + 1; shape.MaximumRecords >= FewestSteps && shape.RecordsIn(input.Length) < FewestSteps; next++)
                input = [.. input, .. seeds[next % seeds.Length][shape.HeaderSize..]];
            inputs[i] = input;
        }

        return inputs;
    }

    /// <summary>An executor as campaigns have it, which has run the inputs often enough to be compiled for good.</summary>
    public static TargetExecutor Warm(TargetInfo target, byte[][] inputs)
    {
        var executor = new TargetHost(target).Instrumented();
        for (int round = 0; round < 200; round++)
        {
            foreach (var input in inputs)
            {
                if (executor.Execute(input) is { } finding) throw new InvalidOperationException($"an input of the load shows {finding}");
                executor.Counters.Clear();
            }
        }

        return executor;
    }
}
