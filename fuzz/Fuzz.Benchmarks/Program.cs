using BenchmarkDotNet.Running;
using Viommu.Fuzz.Benchmarks;

// What BenchmarkDotNet takes: --filter '*', --list flat, ...
BenchmarkSwitcher.FromAssembly(typeof(ExecutionBenchmarks).Assembly).Run(args);
