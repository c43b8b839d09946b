using Viommu.Fuzz.Rings;
using Viommu.Guest.Targets.Model;

namespace Viommu.Fuzz.Targets;

/// <summary>Raw packed rings (section 2.8).</summary>
internal static class PackedRingTarget
{
    public static readonly TargetInfo Info = new(
        "packed-ring", "raw memory and flags of packed rings", RingShape.For(isPacked: true), RingTarget.StateCount, subject => new RingTarget(subject, RingFormat.Packed))
    {
        Shows = subject => subject.IsOnRing(ModelRing.Packed),
        Constants = [.. SpecConstants.Rings, .. SpecConstants.Requests, .. SpecConstants.FeatureBits],
        Seeds = RingSeeds.All,
    };
}
