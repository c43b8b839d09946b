using Microsoft.Extensions.Logging.Abstractions;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Expectations;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Tests.Running;

/// <summary>A run of the fake checks, without a program around it.</summary>
internal static class ScriptedRun
{
    public static ClauseCatalogue Catalogue { get; } = ClauseCatalogue.Load();

    public static RunSnapshot Of(ScriptedSession session, ExpectationSet? expectations = null, Selection? selection = null,
        RunOptions? options = null, IRunObserver? observer = null, TimeProvider? clock = null, CancellationToken cancellation = default) =>
        new Runner((selection ?? Selection.Everything).Plan(FakeChecks.All), expectations ?? ExpectationSet.None,
            new ClauseVerdicts(Catalogue, NotTested.Load()), options ?? new RunOptions(Seed: 1), clock ?? TimeProvider.System, NullLogger.Instance)
        .Run(session, observer is null ? [] : [observer], cancellation);

    public static CheckResult Of(this RunSnapshot run, string check) => run.Checks.Single(c => c.Check.Id == check);

    public static ClauseResult Clause(this RunSnapshot run, string id) => run.Clauses.Single(c => c.Clause.Id == id);
}

/// <summary>A clock that moves only when told to.</summary>
internal sealed class HandClock : TimeProvider
{
    public DateTimeOffset Now { get; set; } = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => Now;

    public override long GetTimestamp() => Now.Ticks;
}
