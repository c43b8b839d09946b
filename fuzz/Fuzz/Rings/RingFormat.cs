using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Rings;

/// <summary>One of the two formats of rings, with who writes and who follows it.</summary>
/// <param name="Name">What it is called in findings.</param>
/// <param name="IsPacked">Whether it is the packed one.</param>
/// <param name="NewWriter">Makes the driver of ring programs.</param>
/// <param name="NewModel">Makes a bystander.</param>
internal sealed record RingFormat(string Name, bool IsPacked, Func<ShadowedMemory, RingRequests, RingWriter> NewWriter, Func<ShadowedMemory, RingModel> NewModel)
{
    /// <summary>Section 2.7.</summary>
    public static RingFormat Split { get; } = new("split", false, (memory, requests) => new SplitRingWriter(memory, requests), memory => new SplitRingModel(memory));

    /// <summary>Section 2.8.</summary>
    public static RingFormat Packed { get; } = new("packed", true, (memory, requests) => new PackedRingWriter(memory, requests), memory => new PackedRingModel(memory));
}
