using System.Runtime.CompilerServices;
using Viommu.Fuzz.Engine.Corpus;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Engine.Minimization;
using Viommu.Fuzz.Engine.Mutation;

namespace Viommu.Fuzz.Engine.Campaigns;

/// <summary>
/// One thread of a campaign: chooses an input, mutates it, runs it, keeps what is new. It has a target, counters and random numbers of its
/// own; only what is new goes through the state that all jobs share.
/// </summary>
internal sealed class Job : IDisposable
{
    private const int MutationsOfOnePick = 64;
    private const int PicksBetweenExchanges = 64;
    private const int ReplacementsOfOneInput = 512;
    private const int AttemptsToTrim = 64;
    private const ulong SmallestTelling = 4;

    // Executions that are run a second time, to see whether the same input does the same.
    private const int RepeatedOneIn = 4096;

    private readonly CampaignOptions _options;
    private readonly CampaignState _state;
    private readonly IExecutor _executor;
    private readonly CloseUp _closeUp;
    private readonly Schedule _schedule;
    private readonly Novelty _novelty;
    private readonly ValueDictionary _dictionary;
    private readonly ComparisonLog _comparisons = new();
    private readonly Random64 _random;
    private readonly Mutator _mutator;
    private readonly long _runs;
    private readonly InFlight? _inFlight;
    private long _executions;
    private long _operations;
    private int _exchanged;

    public Job(CampaignOptions options, CampaignState state, int index)
    {
        _options = options;
        _state = state;
        if (options.InFlightFolder is { } folder) _inFlight = new(folder, index, options.Shape.MaximumSize);
        _executor = options.NewExecutor();
        _closeUp = new(Repeat, _executor.Observations, options.Shape, options.Minimize);
        int counters = _executor.Counters.Length;
        int states = _executor.Observations.StateCount;
        _schedule = new(CoverageFeatures.Count(counters, states));
        _novelty = new(counters, states);
        _dictionary = options.NewDictionary();
        _random = new(options.Seed + ((ulong)index << 32));
        _mutator = new(options.Shape, _dictionary, _random);
        _runs = options.Runs / options.Jobs + (index < options.Runs % options.Jobs ? 1 : 0);
    }

    public long Executions => Volatile.Read(ref _executions);

    /// <summary>Stands still while one and the same operation runs.</summary>
    public long Progress => Executions + _executor.Progress;

    /// <summary>Operations of all executions together.</summary>
    public long Operations => Volatile.Read(ref _operations);

    /// <summary>The input that the job is running now; null where it is between two, or nobody keeps note.</summary>
    public byte[]? Running => _inFlight is { IsInside: true } inFlight ? inFlight.Input : null;

    private bool IsOver => _state.IsStopping || _executions >= _runs;

    public void Run()
    {
        try
        {
            Start();
            for (int pick = 1; !IsOver; pick++)
            {
                if (_options.Jobs > 1 && pick % PicksBetweenExchanges == 0) Exchange();
                Fuzz(_schedule.Pick(_random));
            }
        }
        catch (HarnessException)
        {
            // It goes with the exception; the next campaign is not to take it for what has killed this one.
            _inFlight?.End();
            throw;
        }
    }

    /// <summary>Has an execution that takes long come back soon; whether it is over, the state says.</summary>
    public void Stop() => _executor.Stop();

    public void Dispose()
    {
        _executor.Dispose();
        _inFlight?.Dispose();
    }

    private void Start()
    {
        foreach (var seed in _options.Seeds) TrySeed(seed);

        // Something has to be there to mutate, even where nothing reaches anything.
        for (int attempt = 0; _schedule.Count == 0 && !IsOver; attempt++)
        {
            var input = _mutator.Generate();
            if (attempt < 64) Try(input);
            else _schedule.Add(new(input.ToArray(), [], 1));
        }
    }

    // As somebody has written it, or an earlier campaign has trimmed it.
    private void TrySeed(byte[] seed)
    {
        if (!TryExecute(seed)) return;
        ulong trace = _executor.Observations.Trace;
        if (_novelty.Absorb(_executor.Counters, _executor.Observations)) Keep(seed, trace);
    }

    // A method that loops to the end of the campaign is compiled while it runs, and never as well as one that is called again.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Fuzz(CorpusEntry entry)
    {
        if (entry.Picks == 1) FollowComparisons(entry);
        for (int i = 0; i < MutationsOfOnePick && !IsOver; i++)
        {
            Try(_mutator.Mutate(entry.Input, _schedule.Other(_random).Input));
        }
    }

    // The hot path: nothing here allocates or locks unless something is new.
    private void Try(ReadOnlySpan<byte> input)
    {
        if (!TryExecute(input)) return;
        ulong trace = _executor.Observations.Trace;
        if (_novelty.Absorb(_executor.Counters, _executor.Observations)) Keep(Trim(input.ToArray(), ref trace), trace);
        else if (_executions % RepeatedOneIn == 0 && DoesTheSame(input, trace)) _executor.Counters.Clear();
    }

    // False where it is over, or something is broken.
    private bool TryExecute(ReadOnlySpan<byte> input)
    {
        if (IsOver) return false;
        Volatile.Write(ref _executions, _executions + 1);
        bool isFine = Execute(input);
        Volatile.Write(ref _operations, _operations + _executor.Observations.Operations);
        return isFine;
    }

    // The one place where inputs run: each is on record meanwhile, and what is broken is kept. The counters are those of the input where
    // nothing is, and zero where something is.
    private bool Execute(ReadOnlySpan<byte> input)
    {
        _inFlight?.Begin(input);
        var finding = _executor.Execute(input);
        _inFlight?.End();
        return finding is null || Report(finding, input);
    }

    private bool Report(Finding finding, ReadOnlySpan<byte> input)
    {
        _executor.Counters.Clear();
        bool isWanted = _state.IsWanted(finding, (finding.Input ?? input).Length);
        // Before anything else is tried, which may not come back.
        _state.Add(finding, input);
        if (isWanted && finding.Story is null) _state.Add(_closeUp.Of(finding, input.ToArray()), input);
        return false;
    }

    private Finding? Repeat(byte[] input)
    {
        _inFlight?.Begin(input);
        var finding = _executor.Execute(input);
        _inFlight?.End();
        _executor.Counters.Clear();
        return finding;
    }

    // What a long input does beside what is new, shorter ones do as well: it would only slow down everything that is made of it.
    private byte[] Trim(byte[] input, ref ulong trace)
    {
        if (_options.Shape.MaximumRecords == 1) return input;
        int[] fresh = [.. _novelty.Fresh];
        ulong traceOfShortest = trace;
        var shortest = RecordRemoval.Shorten(_options.Shape, input, AttemptsToTrim, candidate =>
        {
            if (!TryExecute(candidate)) return false;
            bool hasAll = CoverageFeatures.HasAll(_executor.Counters, _executor.Observations, fresh);
            _executor.Counters.Clear();
            if (hasAll) traceOfShortest = _executor.Observations.Trace;
            return hasAll;
        });
        trace = traceOfShortest;
        return shortest;
    }

    // Another job may have told the others of the same by now: this one needs it all the same, to go on from.
    private void Keep(byte[] input, ulong trace)
    {
        if (!DoesTheSame(input, trace)) return;
        var entry = new CorpusEntry(input, CoverageFeatures.Of(_executor.Counters, _executor.Observations), _executor.Observations.Work);
        _state.Add(entry, _executor.Counters, _executor.Observations);
        _schedule.Add(entry);
    }

    // What only looks again is not counted among the executions.
    private bool DoesTheSame(ReadOnlySpan<byte> input, ulong trace)
    {
        if (!Execute(input)) return false;
        return _executor.Observations.Trace == trace
            || Report(new(new(FindingKey.SameTrace, "", "", ""), "the same input was answered differently the second time", ""), input);
    }

    // Input to state: where an operand of a comparison stands in the input, the other operand is put in its place.
    private void FollowComparisons(CorpusEntry entry)
    {
        _comparisons.Clear();
        _inFlight?.Begin(entry.Input);
        var finding = _executor.LogComparisons(entry.Input, _comparisons);
        _inFlight?.End();
        if (finding is not null) Report(finding, entry.Input);
        int left = ReplacementsOfOneInput;
        foreach (var (one, two, width) in _comparisons.Pairs)
        {
            _dictionary.Learn(one);
            _dictionary.Learn(two);
            if (IsOver || left <= 0) continue;
            for (int size = width; size >= 1; size /= 2)
            {
                if (!IsNarrow(one, size) || !IsNarrow(two, size)) break;
                left -= Replace(entry.Input, one, two, size) + Replace(entry.Input, two, one, size);
            }
        }
    }

    private static bool IsNarrow(ulong value, int bytes) => bytes == sizeof(ulong) || value >> (8 * bytes) == 0;

    private int Replace(byte[] input, ulong seen, ulong wanted, int width)
    {
        // The smallest numbers stand everywhere, and are soon tried without a hint.
        if (seen < SmallestTelling) return 0;
        int place = 0;
        // Also one to either side, since a comparison is often with a bound.
        while (place < 4 && _mutator.TryReplace(input, seen, wanted, width, place, out var replaced))
        {
            Try(replaced);
            if (_mutator.TryReplace(input, seen, wanted + 1, width, place, out replaced)) Try(replaced);
            if (_mutator.TryReplace(input, seen, wanted - 1, width, place, out replaced)) Try(replaced);
            place++;
        }

        return 3 * place;
    }

    private void Exchange()
    {
        foreach (var entry in _state.EntriesFrom(_exchanged))
        {
            _exchanged++;
            if (Execute(entry.Input) && _novelty.Absorb(_executor.Counters, _executor.Observations))
                _schedule.Add(new(entry.Input, [.. entry.Features], entry.Work));
        }
    }
}
