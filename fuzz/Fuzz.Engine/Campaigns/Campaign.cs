using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Viommu.Fuzz.Engine.Corpus;
using Viommu.Fuzz.Engine.Findings;

namespace Viommu.Fuzz.Engine.Campaigns;

/// <summary>A number of jobs that look for inputs which reach something new, or break something.</summary>
public sealed class Campaign
{
    private static readonly TimeSpan _patienceAtTheEnd = TimeSpan.FromSeconds(20);

    private readonly CampaignOptions _options;
    private readonly CampaignState _state;
    private readonly Stopwatch _clock = new();
    private readonly List<Exception> _failures = [];
    private readonly Lock _construction = new();
    private readonly StallWatch _stalls;
    private Job?[] _jobs = [];
    private Thread?[] _threads = [];

    /// <summary>Prepares a campaign.</summary>
    public Campaign(CampaignOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _state = new(options.KeepGoing, options.IsKnown);
        _stalls = new(options.Jobs);
    }

    /// <summary>How long it has been running.</summary>
    public TimeSpan Elapsed => _clock.Elapsed;

    /// <summary>Where it stands.</summary>
    public CampaignSnapshot Snapshot => _state.Snapshot(_jobs.Sum(job => job?.Executions ?? 0), _jobs.Sum(job => job?.Operations ?? 0));

    /// <summary>The findings so far, one of each key.</summary>
    public IReadOnlyList<FoundInput> Findings => _state.Findings();

    /// <summary>The inputs that reached something new, from the one at <paramref name="from"/> on.</summary>
    public IReadOnlyList<CorpusEntry> EntriesFrom(int from) => _state.EntriesFrom(from);

    /// <summary>The inputs that the last campaign with notes in this folder was running when its process ended.</summary>
    public static IReadOnlyList<LeftOverInput> LeftOver(string inFlightFolder) => InFlight.LeftOver(inFlightFolder);

    /// <summary>
    /// An input that a job has been running for longer than <paramref name="patience"/> without getting on, in time that it could have used
    /// (<see cref="StallWatch"/>); null where there is none.
    /// </summary>
    public byte[]? FindStalled(TimeSpan patience)
    {
        _stalls.Look(_clock.Elapsed, Environment.CpuUsage.TotalTime);
        for (int i = 0; i < _jobs.Length; i++)
        {
            byte[]? running = _jobs[i]?.Running;
            // Whoever looks from another thread can see a job before its thread.
            bool isWaiting = _threads[i] is { } thread && (thread.ThreadState & System.Threading.ThreadState.WaitSleepJoin) != 0;
            var stalled = _stalls.Stalled(i, running is null ? null : _jobs[i]!.Progress, isWaiting);
            if (stalled > patience) return running;
        }

        return null;
    }

    /// <summary>Has it end soon; can be called from any thread.</summary>
    public void Stop()
    {
        _state.Stop();
        foreach (var job in _jobs) job?.Stop();
    }

    /// <summary>Runs it to its end; <paramref name="tick"/> is called each second, and at the end, on the calling thread.</summary>
    /// <exception cref="HarnessException">What is around the code under test failed.</exception>
    public void Run(Action<Campaign>? tick = null)
    {
        _clock.Start();
        _threads = new Thread?[_options.Jobs];
        _jobs = new Job?[_options.Jobs];
        for (int i = 0; i < _threads.Length; i++) _threads[i] = Start(i);
        try
        {
            Watch(tick);
        }
        finally
        {
            End();
        }

        if (_failures.OfType<HarnessException>().FirstOrDefault() is { } trouble) ExceptionDispatchInfo.Throw(trouble);
        if (_failures.Count > 0) throw new AggregateException("a job of the campaign failed", _failures);
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan two) => one < two ? one : two;

    private void Watch(Action<Campaign>? tick)
    {
        var nextTick = TimeSpan.FromSeconds(1);
        while (_threads.Any(thread => thread!.IsAlive))
        {
            var wait = Min(nextTick, _options.Time) - _clock.Elapsed;
            if (wait > TimeSpan.Zero) _threads.First(thread => thread!.IsAlive)!.Join(Min(wait, TimeSpan.FromMilliseconds(100)));
            if (_clock.Elapsed >= _options.Time) Stop();
            if (_clock.Elapsed < nextTick) continue;
            tick?.Invoke(this);
            // Ticks that were missed, since the process was stopped or the machine slept, are not made up for.
            nextTick = TimeSpan.FromSeconds(Math.Floor(_clock.Elapsed.TotalSeconds) + 1);
        }

        _clock.Stop();
        tick?.Invoke(this);
    }

    // Where the tick has failed jobs are still at work. They are not disposed of by their threads: what a job is running is looked at from
    // here. One that does not come back goes with the process, so that the failure is not held up by it.
    private void End()
    {
        Stop();
        for (int i = 0; i < _threads.Length; i++)
        {
            if (_threads[i]!.Join(_patienceAtTheEnd)) _jobs[i]?.Dispose();
        }
    }

    private Thread Start(int index) => DeepStack.Start($"job {index}", () => RunJob(index));

    private void RunJob(int index)
    {
        try
        {
            // One after the other: what is made side by side lies on the same cache lines once the collector has moved it together, and jobs that
            // write to each other's lines are slower than one.
            lock (_construction) _jobs[index] = new(_options, _state, index);
            _jobs[index]!.Run();
        }
#pragma warning disable CA1031 // It is thrown again on the thread that waits.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            lock (_failures) _failures.Add(failure);
            Stop();
        }
    }
}
