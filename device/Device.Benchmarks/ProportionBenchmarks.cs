using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using Viommu.Device.Iommu;
using Viommu.Device.Memory;

namespace Viommu.Device.Benchmarks;

/// <summary>
/// What must not grow with the mappings that a domain has: an ATTACH shares them, and an UNMAP costs what it removes. Requests are handed
/// to the device without a ring, so that nothing else is measured.
/// </summary>
[InProcess]
[MemoryDiagnoser]
public class ProportionBenchmarks
{
    private const int Endpoints = 1_000;
    private const int Removed = 32;

    private readonly byte[] _request = new byte[36];
    private readonly byte[] _reply = new byte[4];
    private IommuDevice _device = null!;

    [Params(1_000, 1_000_000)]
    public int Mappings { get; set; }

    [GlobalSetup]
    public void Map()
    {
        var options = Load.Options with { Endpoints = [], EndpointRanges = [new EndpointRangeOptions(0, Endpoints)] };
        _device = new IommuDevice(options, new FlatGuestMemory(0, 4096));
        _device.FeaturesNegotiated((ulong)options.Features);
        Send(type: 1, endpoint: Endpoints);
        for (int mapping = 0; mapping < Mappings; mapping++) SendMap(mapping);
    }

    /// <summary>One ATTACH to the domain and one DETACH from it, of a thousand endpoints in turn.</summary>
    [Benchmark(OperationsPerInvoke = Endpoints)]
    public void AttachAndDetach()
    {
        for (uint endpoint = 0; endpoint < Endpoints; endpoint++) Send(type: 1, endpoint);
        for (uint endpoint = 0; endpoint < Endpoints; endpoint++) Send(type: 2, endpoint);
    }

    /// <summary>One UNMAP of a range with 32 mappings in it, and what brings them back.</summary>
    [Benchmark]
    public void UnmapRangeAndMapAgain()
    {
        int first = Mappings / 2;
        BinaryPrimitives.WriteUInt32LittleEndian(_request, 4);
        BinaryPrimitives.WriteUInt64LittleEndian(_request.AsSpan(8), Load.VirtualAddress(first));
        BinaryPrimitives.WriteUInt64LittleEndian(_request.AsSpan(16), Load.VirtualAddress(first + Removed) - 1);
        BinaryPrimitives.WriteUInt32LittleEndian(_request.AsSpan(24), 0);
        Process(28);
        for (int mapping = first; mapping < first + Removed; mapping++) SendMap(mapping);
    }

    private void Send(byte type, uint endpoint)
    {
        _request.AsSpan().Clear();
        _request[0] = type;
        BinaryPrimitives.WriteUInt32LittleEndian(_request.AsSpan(4), Load.Domain);
        BinaryPrimitives.WriteUInt32LittleEndian(_request.AsSpan(8), endpoint);
        Process(20);
    }

    private void SendMap(int mapping)
    {
        ulong start = Load.VirtualAddress(mapping);
        BinaryPrimitives.WriteUInt32LittleEndian(_request, 3);
        BinaryPrimitives.WriteUInt32LittleEndian(_request.AsSpan(4), Load.Domain);
        BinaryPrimitives.WriteUInt64LittleEndian(_request.AsSpan(8), start);
        BinaryPrimitives.WriteUInt64LittleEndian(_request.AsSpan(16), start + Load.Page - 1);
        BinaryPrimitives.WriteUInt64LittleEndian(_request.AsSpan(24), (ulong)mapping * Load.Page);
        BinaryPrimitives.WriteUInt32LittleEndian(_request.AsSpan(32), 3);
        Process(36);
    }

    private void Process(int length)
    {
        _reply[0] = 0xff;
        if (_device.Process(IommuDevice.RequestQueue, _request.AsSpan(0, length), _reply) != 4 || _reply[0] != 0)
            throw new InvalidOperationException($"the request was answered {_reply[0]}");
    }
}
