using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;

namespace Viommu.Fuzz.Engine;

/// <summary>
/// The seam between the engine and what it fuzzes. The engine knows inputs, counters and states; where they come from (instrumented code
/// in this process, shared memory of another one, answers of a real device) is not its business.
/// </summary>
public interface IExecutor : IDisposable
{
    /// <summary>
    /// Hit counts of the edges, filled by an execution and zeroed by whoever has read them; the length is a multiple of
    /// <see cref="CounterMap.Block"/>. Empty where there is no code coverage.
    /// </summary>
    Span<byte> Counters { get; }

    /// <summary>What the last execution observed.</summary>
    Observations Observations { get; }

    /// <summary>Runs one input; null where nothing is broken.</summary>
    Finding? Execute(ReadOnlySpan<byte> input);

    /// <summary>
    /// Runs an input that has broken nothing once more and logs the operands of comparisons, where that can be had; null where nothing is broken
    /// this time either.
    /// </summary>
    Finding? LogComparisons(ReadOnlySpan<byte> input, ComparisonLog log);

    /// <summary>
    /// Counts up while an execution gets on that is made of many, so that whoever waits for it can tell it from one that never comes back. Read
    /// from any thread.
    /// </summary>
    long Progress => 0;

    /// <summary>Has an execution that is made of many come back soon, with what it has; can be called from any thread.</summary>
    void Stop()
    {
    }
}
