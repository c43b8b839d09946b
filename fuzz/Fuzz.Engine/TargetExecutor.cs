using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Engine.Instrumentation;

namespace Viommu.Fuzz.Engine;

/// <summary>Runs inputs on a target in this process, whose code is instrumented or not.</summary>
public sealed class TargetExecutor : IExecutor
{
    /// <summary>Bytes that one input may have the target allocate.</summary>
    public const long MemoryPerInput = 4 << 20;

    private readonly InstrumentedContext? _context;
    private readonly Func<IFuzzTarget> _newTarget;
    private readonly Action<InstrumentedContext> _release;
    private readonly Func<Type, bool> _isUnderTest;
    private IFuzzTarget _target;
    private readonly Func<(InstrumentedContext Context, IFuzzTarget Target)>? _newComparing;
    private readonly Observations _comparingObservations;
    private (InstrumentedContext Context, IFuzzTarget Target)? _comparing;

    /// <summary>Runs inputs on what <paramref name="newTarget"/> makes.</summary>
    /// <param name="newTarget">Makes the target: once, and again after each finding, since nobody knows what state that has left it in.</param>
    /// <param name="stateCount">Number of its abstract states.</param>
    /// <param name="context">Where it was made; null where its code is not instrumented.</param>
    /// <param name="comparing">Makes the same target in a context that logs comparisons; null where there is none.</param>
    /// <param name="release">What becomes of the contexts afterwards; null where nobody needs them any more.</param>
    /// <param name="isUnderTest">Tells the code under test from what is around it, whose exceptions are no findings; null where all of it is under test.</param>
    public TargetExecutor(
        Func<IFuzzTarget> newTarget, int stateCount, InstrumentedContext? context = null, Func<(InstrumentedContext Context, IFuzzTarget Target)>? comparing = null,
        Action<InstrumentedContext>? release = null, Func<Type, bool>? isUnderTest = null)
    {
        _isUnderTest = isUnderTest ?? (_ => true);
        _release = release ?? (context => context.Dispose());
        _newTarget = newTarget;
        _target = newTarget();
        _context = context;
        Observations = new(stateCount);
        _comparingObservations = new(stateCount);
        _newComparing = comparing;
    }

    /// <inheritdoc/>
    public Span<byte> Counters => _context is null ? default : _context.EdgeCounters;

    /// <summary>What the counters stand for; null where the code is not instrumented.</summary>
    public EdgeTable? Edges => _context?.Edges;

    /// <inheritdoc/>
    public Observations Observations { get; }

    /// <summary>Bytes that an input may have the target allocate here.</summary>
    public long MostMemory { get; init; } = MemoryPerInput;

    /// <inheritdoc/>
    /// <exception cref="HarnessException">What is around the code under test failed.</exception>
    public Finding? Execute(ReadOnlySpan<byte> input)
    {
        if (Run(input, out long allocated) is { } finding) return finding;
        if (allocated <= MostMemory) return null;
        // What is made once, for whatever input comes first, is no doing of that input.
        Counters.Clear();
        if (Run(input, out allocated) is { } second) return second;
        return allocated <= MostMemory ? null : new(new("bounded-memory", "", "", ""), $"one input made the target allocate {allocated} bytes", "");
    }

    /// <inheritdoc/>
    public Finding? LogComparisons(ReadOnlySpan<byte> input, ComparisonLog log)
    {
        if (_newComparing is null) return null;
        var (context, target) = _comparing ??= _newComparing();
        _comparingObservations.Begin();
        context.Refuel();
        ComparisonLog.Current = log;
        try
        {
            target.Execute(input, _comparingObservations);
            return null;
        }
#pragma warning disable CA1031 // Whatever the code under test throws is a finding.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            DisposeComparing();
            if (FindingReader.Read(exception, _isUnderTest) is null) throw new HarnessException(input.ToArray(), exception);
            return new(new(FindingKey.SameTrace, "comparisons logged", "", ""), $"an input that broke nothing does so with its comparisons logged: {exception.Message}", exception.ToString());
        }
        finally
        {
            ComparisonLog.Current = null;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _target.Dispose();
        if (_context is not null) _release(_context);
        DisposeComparing();
    }

    private Finding? Run(ReadOnlySpan<byte> input, out long allocated)
    {
        Observations.Begin();
        _context?.Refuel();
        allocated = 0;
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            _target.Execute(input, Observations);
        }
#pragma warning disable CA1031 // Whatever the code under test throws is a finding.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            StartAnew();
            return FindingReader.Read(exception, _isUnderTest) ?? throw new HarnessException(input.ToArray(), exception);
        }

        Observations.Work = _context?.FuelUsed ?? 0;
        allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        return null;
    }

    private void DisposeComparing()
    {
        if (_comparing is not { } comparing) return;
        comparing.Target.Dispose();
        _release(comparing.Context);
        _comparing = null;
    }

    private void StartAnew()
    {
        _target.Dispose();
        _context?.Refuel();
        _target = _newTarget();
    }
}
