using Viommu.Conformance.Program;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Tests.Suite;

/// <summary>
/// The suite as plain tests, one row a check. On the reference device, or on what VIOMMU_TARGET names (as <c>--target</c> does), so that
/// <c>dotnet test</c> can be a gate.
/// </summary>
public sealed class SuiteTests(SuiteTests.Session session) : IClassFixture<SuiteTests.Session>
{
    [SkippableTheory]
    [MemberData(nameof(CheckRow.All), MemberType = typeof(CheckRow))]
    public void The_target_keeps(CheckRow row)
    {
        var outcome = session.Checks.Run(row.Check, CancellationToken.None);
        Skip.If(outcome.Verdict == Verdict.NotApplicable, outcome.Expected);
        Assert.True(outcome.Verdict == Verdict.Pass, CheckRow.Explain(row.Check, outcome));
    }

    public sealed class Session : IDisposable
    {
        public ICheckSession Checks { get; } = new CheckSession(
            TargetSources.Parse(Environment.GetEnvironmentVariable("VIOMMU_TARGET") is { Length: > 0 } named ? named : "model"),
            new CheckSessionOptions(TimeSpan.FromSeconds(20), Seed: 1));

        public void Dispose() => Checks.Dispose();
    }
}
