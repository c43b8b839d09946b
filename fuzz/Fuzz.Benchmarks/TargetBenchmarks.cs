using BenchmarkDotNet.Attributes;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Benchmarks;

/// <summary>What benchmarks of each target start with: an executor that is warm, and inputs as campaigns run them.</summary>
[InProcess]
[MemoryDiagnoser]
public abstract class TargetBenchmarks
{
    [Params("request", "sequence", "split-ring", "packed-ring")]
    public string Target { get; set; } = "request";

    internal TargetExecutor Executor { get; private set; } = null!;

    internal byte[][] Inputs { get; private set; } = null!;

    [GlobalSetup]
    public virtual void SetUp()
    {
        var target = TargetList.Find(Target);
        Inputs = Load.Of(target);
        Executor = Load.Warm(target, Inputs);
    }

    [GlobalCleanup]
    public void Dispose() => Executor.Dispose();
}
