using BenchmarkDotNet.Attributes;

namespace Viommu.Device.Benchmarks;

/// <summary>
/// MAP and UNMAP through the virtqueue, driver and device together on one thread: 32 mappings are unmapped and mapped again in a batch of 64
/// requests and one doorbell, so that the number of live mappings stays what it is.
/// </summary>
[InProcess]
[MemoryDiagnoser]
public class RequestBenchmarks
{
    private BatchDriver _driver = null!;
    private int[] _order = null!;
    private int _next;

    [Params("split", "packed")]
    public string Ring { get; set; } = "split";

    [Params(1_000, 1_000_000)]
    public int Mappings { get; set; }

    [Params("ascending", "random")]
    public string Order { get; set; } = "ascending";

    [GlobalSetup]
    public void Map()
    {
        _driver = new BatchDriver(Load.Options, Ring == "packed");
        _driver.MapAll(Load.Order(Mappings, shuffled: false));
        _order = Load.Order(Mappings, Order == "random");
        _next = 0;
    }

    [Benchmark(OperationsPerInvoke = BatchDriver.BatchSize)]
    public void UnmapAndMap()
    {
        for (int i = 0; i < BatchDriver.BatchSize; i += 2)
        {
            int mapping = _order[_next];
            _next = _next + 1 == _order.Length ? 0 : _next + 1;
            _driver.PutUnmap(i, mapping);
            _driver.PutMap(i + 1, mapping);
        }
        _driver.Submit(BatchDriver.BatchSize);
    }
}
