using Viommu.Fuzz.Rings;
using Viommu.Guest.Targets.Model;

namespace Viommu.Fuzz.Targets;

/// <summary>Raw split rings (section 2.7).</summary>
internal static class SplitRingTarget
{
    public static readonly TargetInfo Info = new(
        "split-ring", "raw memory and indices of split rings", RingShape.For(isPacked: false), RingTarget.StateCount, subject => new RingTarget(subject, RingFormat.Split))
    {
        Shows = subject => subject.IsOnRing(ModelRing.Split),
        Constants = [.. SpecConstants.Rings, .. SpecConstants.Requests, .. SpecConstants.FeatureBits],
        Seeds = RingSeeds.Split,
    };
}
