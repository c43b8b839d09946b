using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;

namespace Viommu.Fuzz.Tests.Engine;

/// <summary>An executor whose only execution takes until it is told to stop.</summary>
internal sealed class SlowExecutor : IExecutor
{
    private readonly ManualResetEventSlim _inside = new();
    private readonly ManualResetEventSlim _stopped = new();
    private long _progress;

    public Span<byte> Counters => default;

    public Observations Observations { get; } = new(32);

    public long Progress => Volatile.Read(ref _progress);

    public void WaitUntilInside() => _inside.Wait();

    public void GetOn() => Interlocked.Increment(ref _progress);

    public Finding? Execute(ReadOnlySpan<byte> input)
    {
        _inside.Set();
        _stopped.Wait();
        return null;
    }

    public Finding? LogComparisons(ReadOnlySpan<byte> input, ComparisonLog log) => null;

    public void Stop() => _stopped.Set();

    public void Dispose()
    {
        _inside.Dispose();
        _stopped.Dispose();
    }
}
