using Viommu.Device.Iommu;

namespace Viommu.Device.Benchmarks;

/// <summary>What all measurements have in common: one endpoint in one domain, with many mappings of one page, each with a page of room behind it.</summary>
internal static class Load
{
    public const uint Endpoint = 0x20;
    public const uint Domain = 1;
    public const ulong Page = 4096;

    /// <summary>Virtual address of a mapping.</summary>
    public static ulong VirtualAddress(int mapping) => 0x1_0000_0000 + (ulong)mapping * 2 * Page;

    public static IommuOptions Options => new() { Endpoints = [new EndpointOptions(Endpoint)], MaximumMappings = 2_000_000 };

    /// <summary>The numbers of all mappings, in the order of their addresses or shuffled by a fixed seed.</summary>
    public static int[] Order(int mappings, bool shuffled)
    {
        int[] order = [.. Enumerable.Range(0, mappings)];
        if (shuffled) new Random(1).Shuffle(order);
        return order;
    }
}
