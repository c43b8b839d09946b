using Viommu.Guest.Targets;

namespace Viommu.Fuzz.Devices;

/// <summary>The process whose device programs run on: started once it is needed, and another one after it has ended.</summary>
internal sealed class BenchProcess<TBench>(Func<TBench> open) : IDisposable
    where TBench : ProgramBench
{
    private long _roundTripsBefore;
    private int _starts;

    /// <summary>The one that runs; it is started where none does. Throws <see cref="TargetUnavailableException"/>.</summary>
    public TBench Bench => Running ??= Start();

    /// <summary>The one that runs; null where none does.</summary>
    public TBench? Running { get; private set; }

    /// <summary>Times that a start was tried. Read from any thread.</summary>
    public int Starts => Volatile.Read(ref _starts);

    /// <summary>Those that were ended.</summary>
    public int Deaths { get; private set; }

    /// <summary>Times that something was sent to any of them and its answers were waited for.</summary>
    public long RoundTrips => _roundTripsBefore + (Running?.RoundTrips ?? 0);

    /// <summary>Ends the one that runs: it is gone already, hangs, or cannot be relied on any more.</summary>
    public void End()
    {
        Deaths++;
        PutAway();
    }

    /// <summary>Ends the one that runs, with which nothing is wrong but that it cannot be brought back to where it began.</summary>
    public void PutAway()
    {
        _roundTripsBefore = RoundTrips;
        Running?.Dispose();
        Running = null;
    }

    /// <inheritdoc/>
    public void Dispose() => Running?.Dispose();

    // A start that a busy machine is too slow for works the second time; one that the device refuses does not.
    private TBench Start()
    {
        try
        {
            return StartOnce();
        }
        catch (TargetUnavailableException)
        {
            return StartOnce();
        }
    }

    private TBench StartOnce()
    {
        Volatile.Write(ref _starts, _starts + 1);
        return open();
    }
}
