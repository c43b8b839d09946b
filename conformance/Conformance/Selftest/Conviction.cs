using Viommu.Conformance.Checks;
using Viommu.Conformance.Running;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Selftest;

/// <summary>Whether a broken device is caught by the checks that ought to catch it.</summary>
internal static class Conviction
{
    private static readonly CheckSessionOptions Options = new(TimeSpan.FromMinutes(2), Seed: 1);

    /// <summary>Runs checks on a broken device, one by one as they are asked for.</summary>
    public static IEnumerable<(Check Check, CheckOutcome Outcome)> Try(BrokenDevice device, IEnumerable<Check> checks, CancellationToken cancellation = default) =>
        Run(device.Variation, device.Configuration, checks, cancellation);

    /// <summary>Runs checks on the reference device as guests use it in one of the ways there are.</summary>
    public static IEnumerable<(Check Check, CheckOutcome Outcome)> TryReference(
        ModelConfiguration configuration, IEnumerable<Check> checks, CancellationToken cancellation = default) => Run(null, configuration, checks, cancellation);

    /// <summary>True for the verdicts that say the device is wrong.</summary>
    public static bool IsRed(Verdict verdict) => verdict is Verdict.Fail or Verdict.Warn or Verdict.Crash or Verdict.Timeout;

    private static IEnumerable<(Check Check, CheckOutcome Outcome)> Run(
        ModelVariation? variation, ModelConfiguration configuration, IEnumerable<Check> checks, CancellationToken cancellation)
    {
        using var session = new CheckSession(new ModelTargetSource(variation, configuration), Options);
        foreach (var check in checks)
        {
            cancellation.ThrowIfCancellationRequested();
            yield return (check, session.Run(check, cancellation));
        }
    }
}
