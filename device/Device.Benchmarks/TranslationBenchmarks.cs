using BenchmarkDotNet.Attributes;
using Viommu.Device.Iommu;
using Viommu.Device.Memory;

namespace Viommu.Device.Benchmarks;

/// <summary>Translations that hit, at random addresses.</summary>
[InProcess]
[MemoryDiagnoser]
public class TranslationBenchmarks
{
    private const int Accesses = 1 << 16;

    private readonly IoVirtualAddress[] _addresses = new IoVirtualAddress[Accesses];
    private IommuDevice _device = null!;

    [Params(1_000, 1_000_000)]
    public int Mappings { get; set; }

    [GlobalSetup]
    public void Map()
    {
        var driver = new BatchDriver(Load.Options, isPacked: false);
        driver.MapAll(Load.Order(Mappings, shuffled: false));
        _device = driver.Device;
        var random = new Random(1);
        for (int i = 0; i < Accesses; i++)
            _addresses[i] = new(Load.VirtualAddress(random.Next(Mappings)) + (ulong)random.Next((int)Load.Page));
    }

    [Benchmark(OperationsPerInvoke = Accesses)]
    public ulong Translate()
    {
        ulong sum = 0;
        foreach (var address in _addresses)
        {
            if (!_device.TryTranslate(Load.Endpoint, address, DmaAccess.Read, out var physical, out _)) throw new InvalidOperationException("a miss");
            sum += physical.Value;
        }
        return sum;
    }
}
