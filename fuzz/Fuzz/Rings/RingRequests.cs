using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Rings;

/// <summary>One request of each type, as ring programs name them.</summary>
/// <param name="endpoint">The endpoint that they are about.</param>
internal sealed class RingRequests(uint endpoint)
{
    /// <summary>The domain that they are about.</summary>
    public const uint Domain = 1;

    private readonly byte[][] _all =
    [
        [0x7f, 0, 0, 0, 1, 2, 3, 4],
        Requests.Attach(Domain, endpoint),
        Requests.Detach(Domain, endpoint),
        Requests.Map(Domain, 0x1000, 0x1fff, TestBed.Ram, Requests.ReadWrite),
        Requests.Unmap(Domain, 0x1000, 0x1fff),
        Requests.Probe(endpoint),
    ];

    public ReadOnlySpan<byte> Of(byte type) => _all[type % _all.Length];
}
