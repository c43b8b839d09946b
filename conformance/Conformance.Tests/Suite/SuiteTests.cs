using Viommu.Conformance.Expectations;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Guest.Targets;
using Xunit.Abstractions;

namespace Viommu.Conformance.Tests.Suite;

/// <summary>
/// The suite as plain tests, one row a check: on the reference device, or on what VIOMMU_TARGET names (as <c>--target</c> does) with the
/// expectations file that VIOMMU_EXPECT names. So <c>dotnet test</c> is a gate.
/// </summary>
public sealed class SuiteTests(SuiteTests.Session session, ITestOutputHelper output) : IClassFixture<SuiteTests.Session>
{
    [Theory]
    [MemberData(nameof(CheckRow.All), MemberType = typeof(CheckRow))]
    public void The_target_keeps(CheckRow row) => session.Run.Judge(row.Check, output);

    public sealed class Session : IDisposable
    {
        private static readonly string Target = Environment.GetEnvironmentVariable("VIOMMU_TARGET") is { Length: > 0 } named ? named : "model";
        private static readonly string? Expectations = Environment.GetEnvironmentVariable("VIOMMU_EXPECT");

        internal SuiteRun Run { get; } = new(TargetSources.Parse(Target), Expectations is { Length: > 0 } file ? ExpectationFile.Load(file) : []);

        public void Dispose() => Run.Dispose();
    }
}

/// <summary>
/// The suite on the QEMU that is installed, held against what is known of Debian's 7.2: every deviation listed in <c>qemu-7.2.yaml</c> is
/// found again, and no other.
/// </summary>
public sealed class QemuSuiteTests(QemuSuiteTests.Session session, ITestOutputHelper output) : IClassFixture<QemuSuiteTests.Session>
{
    [SkippableTheory]
    [MemberData(nameof(CheckRow.All), MemberType = typeof(CheckRow))]
    public void QEMU_does_what_is_known_of_it(CheckRow row)
    {
        Skip.If(session.WhyNot is not null, session.WhyNot);
        session.Run!.Judge(row.Check, output);
    }

    public sealed class Session : IDisposable
    {
        public Session()
        {
            try
            {
                Run = new SuiteRun(TargetSources.Parse("qemu"), ExpectationFile.Load(Path.Combine(AppContext.BaseDirectory, "Suite", "qemu-7.2.yaml")));
            }
            catch (TargetUnavailableException missing) when (Environment.GetEnvironmentVariable("CI") != "true")
            {
                WhyNot = missing.Message;
            }
            if (Run is not null && !Run.Target.Version.StartsWith("7.2.", StringComparison.Ordinal)) WhyNot = $"the expectations are those of QEMU 7.2, this is {Run.Target.Version}";
        }

        internal SuiteRun? Run { get; }

        internal string? WhyNot { get; }

        public void Dispose() => Run?.Dispose();
    }
}

/// <summary>A session whose outcomes are held against expectations.</summary>
internal sealed class SuiteRun(ITargetSource source, IReadOnlyList<Expectation> expectations) : IDisposable
{
    private readonly CheckSession session = new(source, new CheckSessionOptions(TimeSpan.FromSeconds(20), Seed: 1));
    private readonly ExpectationSet expected = new(expectations, DateOnly.FromDateTime(DateTime.UtcNow));

    public TargetIdentity Target => session.Target;

    public void Judge(Conformance.Checks.Check check, ITestOutputHelper output)
    {
        var result = expected.Apply(check, session.Run(check, CancellationToken.None), Target);
        if (result.Verdict != Verdict.Pass) output.WriteLine($"{result.Verdict.Name()}: {result.Expected} {result.Actual}");
        Assert.True(
            result.Verdict is Verdict.Pass or Verdict.NotApplicable or Verdict.ExpectedFailure,
            $"{result.Verdict.Name()} {check.Id}\nexpected {result.Expected}\nactual   {result.Actual}\n{string.Join('\n', result.Evidence)}");
    }

    public void Dispose() => session.Dispose();
}
