using BenchmarkDotNet.Attributes;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Benchmarks;

/// <summary>One execution: the instrumented device, the machine around it, and the oracle on everything. Nothing is mutated, kept or written.</summary>
[InProcess]
[MemoryDiagnoser]
public class ExecutionBenchmarks
{
    private TargetExecutor _executor = null!;
    private byte[][] _inputs = null!;

    [Params("request", "sequence", "split-ring", "packed-ring")]
    public string Target { get; set; } = "request";

    [GlobalSetup]
    public void Load()
    {
        var target = TargetList.Find(Target);
        _inputs = Benchmarks.Load.Of(target);
        _executor = Benchmarks.Load.Warm(target, _inputs);
    }

    [GlobalCleanup]
    public void Dispose() => _executor.Dispose();

    [Benchmark(OperationsPerInvoke = Benchmarks.Load.Inputs)]
    public ulong Execute()
    {
        ulong traces = 0;
        foreach (var input in _inputs)
        {
            _executor.Execute(input);
            traces ^= _executor.Observations.Trace;
        }

        return traces;
    }
}
