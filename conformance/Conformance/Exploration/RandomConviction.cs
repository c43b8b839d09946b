using Viommu.Conformance.Scripts;
using Viommu.Conformance.Selftest;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Exploration;

/// <summary>Whether random operations find what a broken device does wrong, without being told where to look.</summary>
internal static class RandomConviction
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    /// <summary>
    /// The first finding on a broken device, and after how many operations it was seen; null where there is none. That it dies of requests that
    /// whoever broke it did not think of is not what it is broken for.
    /// </summary>
    public static Finding? Try(BrokenDevice device, ulong seed, int sequences, CancellationToken cancellation = default)
    {
        using var explorer = new Explorer(
            new ModelTargetSource(device.Variation, device.Configuration), new ExplorationOptions(seed, sequences, Length: 200, Deadline), TimeProvider.System);
        return explorer.Run(_ => { }, cancellation).FirstOrDefault(finding => finding.Reproduced && finding.Step.End != StepEnd.Crash);
    }
}
