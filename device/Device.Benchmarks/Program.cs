using BenchmarkDotNet.Running;
using Viommu.Device.Benchmarks;

// --footprint: what a mapping costs in memory. Anything else goes to BenchmarkDotNet: --filter '*', --list flat, ...
if (args is ["--footprint"])
{
    Footprint.Print(Console.Out);
    return;
}
BenchmarkSwitcher.FromAssembly(typeof(RequestBenchmarks).Assembly).Run(args);
