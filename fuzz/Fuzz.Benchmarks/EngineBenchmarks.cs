using BenchmarkDotNet.Attributes;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Benchmarks;

/// <summary>What the engine adds to an execution: the input is made out of another one, and looked at for what is new.</summary>
public class EngineBenchmarks : TargetBenchmarks
{
    private Mutator _mutator = null!;
    private Novelty _novelty = null!;
    private byte[] _reached = null!;

    public override void SetUp()
    {
        base.SetUp();
        var target = TargetList.Find(Target);
        _mutator = new(target.Shape, new TargetHost(target).NewDictionary(), new Random64(1));
        _novelty = new(Executor.Counters.Length, Executor.Observations.StateCount);
        Executor.Execute(Inputs[0]);
        _reached = Executor.Counters.ToArray();
        _novelty.Absorb(Executor.Counters, Executor.Observations);
    }

    [Benchmark(OperationsPerInvoke = Load.Inputs)]
    public int Mutate()
    {
        int bytes = 0;
        for (int i = 0; i < Inputs.Length; i++) bytes += _mutator.Mutate(Inputs[i], Inputs[^(i + 1)]).Length;
        return bytes;
    }

    /// <summary>With the copy that fills the counters again, as executions do.</summary>
    [Benchmark]
    public bool Absorb()
    {
        _reached.CopyTo(Executor.Counters);
        return _novelty.Absorb(Executor.Counters, Executor.Observations);
    }
}
