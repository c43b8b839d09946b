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
/// The suite on the QEMU that is installed, held against what is known of its version: every deviation listed in the file of that version is
/// found again, and no other.
/// </summary>
public sealed class QemuSuiteTests(QemuSuiteTests.Session session, ITestOutputHelper output) : IClassFixture<QemuSuiteTests.Session>
{
    [SkippableTheory]
    [MemberData(nameof(CheckRow.All), MemberType = typeof(CheckRow))]
    public void QEMU_does_what_is_known_of_it(CheckRow row) => session.Judge(row, output);

    public sealed class Session() : QemuSession("qemu", "qemu-7.2.yaml", "qemu-10.yaml");
}

/// <summary>The same on its virtio-mmio.</summary>
public sealed class MmioQemuSuiteTests(MmioQemuSuiteTests.Session session, ITestOutputHelper output) : IClassFixture<MmioQemuSuiteTests.Session>
{
    [SkippableTheory]
    [MemberData(nameof(CheckRow.All), MemberType = typeof(CheckRow))]
    public void QEMU_does_on_mmio_what_is_known_of_it(CheckRow row) => session.Judge(row, output);

    public sealed class Session() : QemuSession("qemu,transport=mmio", "qemu-7.2-mmio.yaml", "qemu-10-mmio.yaml");
}

/// <summary>The same on a QEMU of these days, which RECENT_QEMU names.</summary>
public sealed class RecentQemuSuiteTests(RecentQemuSuiteTests.Session session, ITestOutputHelper output) : IClassFixture<RecentQemuSuiteTests.Session>
{
    [SkippableTheory]
    [MemberData(nameof(CheckRow.All), MemberType = typeof(CheckRow))]
    public void A_recent_QEMU_does_what_is_known_of_it(CheckRow row) => session.Judge(row, output);

    public sealed class Session() : QemuSession(Recent(""), "qemu-7.2.yaml", "qemu-10.yaml");

    /// <summary>That QEMU as a target, with transport and ring; null where none is named.</summary>
    internal static string? Recent(string choices) => Environment.GetEnvironmentVariable("RECENT_QEMU") is { Length: > 0 } named ? $"qemu:{named}{choices}" : null;
}

/// <summary>The same on its virtio-mmio.</summary>
public sealed class RecentMmioQemuSuiteTests(RecentMmioQemuSuiteTests.Session session, ITestOutputHelper output) : IClassFixture<RecentMmioQemuSuiteTests.Session>
{
    [SkippableTheory]
    [MemberData(nameof(CheckRow.All), MemberType = typeof(CheckRow))]
    public void A_recent_QEMU_does_on_mmio_what_is_known_of_it(CheckRow row) => session.Judge(row, output);

    public sealed class Session() : QemuSession(RecentQemuSuiteTests.Recent(",transport=mmio"), "qemu-7.2-mmio.yaml", "qemu-10-mmio.yaml");
}

/// <summary>A QEMU that all rows share, and what is known of the versions that somebody has read the findings of.</summary>
public abstract class QemuSession : IDisposable
{
    private readonly SuiteRun? run;
    private readonly string? whyNot;

    protected QemuSession(string? target, params string[] known)
    {
        if (target is null)
        {
            whyNot = "RECENT_QEMU names no qemu-system-x86_64";
            return;
        }

        List<Expectation> expectations = [.. known.SelectMany(file => ExpectationFile.Load(Path.Combine(AppContext.BaseDirectory, "Suite", file)))];
        try
        {
            run = new SuiteRun(TargetSources.Parse(target), expectations);
        }
        catch (TargetUnavailableException missing) when (Environment.GetEnvironmentVariable("CI") != "true")
        {
            whyNot = missing.Message;
            return;
        }

        if (!expectations.Exists(expectation => expectation.Version!.Holds(run.Target.Version))) whyNot = $"nothing is known of {run.Target}";
    }

    internal void Judge(CheckRow row, ITestOutputHelper output)
    {
        Skip.If(whyNot is not null, whyNot);
        run!.Judge(row.Check, output);
    }

    public void Dispose()
    {
        run?.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>A session whose outcomes are held against expectations.</summary>
internal sealed class SuiteRun(ITargetSource source, IReadOnlyList<Expectation> expectations) : IDisposable
{
    private readonly CheckSession session = new(source, new CheckSessionOptions(TimeSpan.FromMinutes(2), Seed: 1));
    private readonly ExpectationSet expected = new(expectations, DateOnly.FromDateTime(DateTime.UtcNow));

    public TargetIdentity Target => session.Target;

    public void Judge(Conformance.Checks.Check check, ITestOutputHelper output)
    {
        var result = expected.Apply(check, session.Run(check, CancellationToken.None), Target, session.OfferedFeatures);
        if (result.Verdict != Verdict.Pass) output.WriteLine($"{result.Verdict.Name()}: {result.Expected} {result.Actual}");
        Assert.True(
            result.Verdict is Verdict.Pass or Verdict.NotApplicable or Verdict.ExpectedFailure,
            $"{result.Verdict.Name()} {check.Id}\nexpected {result.Expected}\nactual   {result.Actual}\n{string.Join('\n', result.Evidence)}");
    }

    public void Dispose() => session.Dispose();
}
