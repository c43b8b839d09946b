using BenchmarkDotNet.Attributes;

namespace Viommu.Fuzz.Benchmarks;

/// <summary>One execution: the instrumented device, the machine around it, and the oracle on everything. Nothing is mutated, kept or written.</summary>
public class ExecutionBenchmarks : TargetBenchmarks
{
    [Benchmark(OperationsPerInvoke = Load.Inputs)]
    public ulong Execute()
    {
        ulong traces = 0;
        foreach (var input in Inputs)
        {
            Executor.Execute(input);
            traces ^= Executor.Observations.Trace;
        }

        return traces;
    }
}
