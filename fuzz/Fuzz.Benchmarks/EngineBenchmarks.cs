using BenchmarkDotNet.Attributes;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Benchmarks;

/// <summary>What the engine adds to an execution: the input is made out of another one, and looked at for what is new.</summary>
[InProcess]
[MemoryDiagnoser]
public class EngineBenchmarks
{
    private TargetExecutor _executor = null!;
    private Mutator _mutator = null!;
    private Novelty _novelty = null!;
    private byte[][] _inputs = null!;
    private byte[] _reached = null!;

    [Params("request", "sequence", "split-ring", "packed-ring")]
    public string Target { get; set; } = "request";

    [GlobalSetup]
    public void Load()
    {
        var target = TargetList.Find(Target);
        _inputs = Benchmarks.Load.Of(target);
        _executor = Benchmarks.Load.Warm(target, _inputs);
        _mutator = new(target.Shape, new TargetHost(target).NewDictionary(), new Random64(1));
        _novelty = new(_executor.Counters.Length, _executor.Observations.StateCount);
        _executor.Execute(_inputs[0]);
        _reached = _executor.Counters.ToArray();
        _novelty.Absorb(_executor.Counters, _executor.Observations);
    }

    [GlobalCleanup]
    public void Dispose() => _executor.Dispose();

    [Benchmark(OperationsPerInvoke = Benchmarks.Load.Inputs)]
    public int Mutate()
    {
        int bytes = 0;
        for (int i = 0; i < _inputs.Length; i++) bytes += _mutator.Mutate(_inputs[i], _inputs[^(i + 1)]).Length;
        return bytes;
    }

    /// <summary>With the copy that fills the counters again, as executions do.</summary>
    [Benchmark]
    public bool Absorb()
    {
        _reached.CopyTo(_executor.Counters);
        return _novelty.Absorb(_executor.Counters, _executor.Observations);
    }
}
