using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Engine.Minimization;

namespace Viommu.Fuzz.Devices;

/// <summary>Runs programs on a real device one request at a time, to the first deviation: for what is to be seen by itself.</summary>
internal sealed class DeviceReplay(ProgramRunner runner) : IExecutor
{
    private readonly DateTime _until = DateTime.MaxValue;
    private readonly Func<bool> _isStopping = () => false;
    private readonly FindingKey? _key;
    private readonly FatalSequences? _avoided;

    /// <summary>
    /// Runs variants of a program that shows the finding <paramref name="key"/>, until a time is over, or <paramref name="isStopping"/> says so;
    /// after it nothing is broken any more. What turns out to be another end of the device is not waited for again.
    /// </summary>
    public DeviceReplay(ProgramRunner runner, FindingKey key, TimeSpan time, Func<bool> isStopping)
        : this(runner) => (_key, _until, _isStopping, _avoided) = (key, DateTime.UtcNow + time, isStopping, new());

    /// <inheritdoc/>
    public Span<byte> Counters => default;

    /// <inheritdoc/>
    public Observations Observations { get; } = new(runner.StateCount);

    /// <inheritdoc/>
    public Finding? Execute(ReadOnlySpan<byte> input)
    {
        if (_isStopping() || DateTime.UtcNow >= _until) return null;
        Observations.Begin();
        var run = runner.Replay(input, Observations, _avoided);
        if (run.IsFatal && run.Finding?.Key != _key && FatalSequences.Blame(run.Classes) is var blamed && blamed.Any(request => request.IsOdd)) _avoided?.TryAdd(blamed);
        return run.Finding;
    }

    /// <inheritdoc/>
    public Finding? LogComparisons(ReadOnlySpan<byte> input, ComparisonLog log) => null;

    /// <inheritdoc/>
    public void Dispose() => runner.Dispose();
}

/// <summary>
/// Runs the programs of a campaign on a real device. The abstract states guide the search, and the edges of the device's code where its process
/// counts them. What it finds it has seen a second time, in a program that shows nothing else, and made as small as it gets on that device.
/// </summary>
/// <param name="runner">What runs them.</param>
/// <param name="knowledge">What the campaign knows of the device.</param>
/// <param name="minimizes">False where programs are to stay as they were found.</param>
internal sealed class DeviceScout(ProgramRunner runner, DeviceKnowledge knowledge, bool minimizes) : IExecutor
{
    // A death costs a start of the process: what is worth so much to one finding keeps the campaign from others.
    private static readonly TimeSpan TimeToMinimise = TimeSpan.FromSeconds(10);

    private volatile bool _isStopping;

    /// <inheritdoc/>
    public Span<byte> Counters => runner.Edges is { } edges ? edges.Counters : default;

    /// <inheritdoc/>
    public Observations Observations { get; } = new(runner.StateCount);

    /// <inheritdoc/>
    public Finding? Execute(ReadOnlySpan<byte> input)
    {
        knowledge.BeginInput();
        while (true)
        {
            var run = Scout(input);
            // With what it has learned the same program goes further, now as ever after.
            if (run is { Finding: null, HasLearned: true }) continue;
            if (run.Finding is not { } seen || !knowledge.TryClaim(seen.Key))
            {
                knowledge.Deaths = runner.Deaths;
                return null;
            }

            var confirmed = Confirm(input, run, seen.Key);
            knowledge.Release(seen.Key);
            knowledge.Deaths = runner.Deaths;
            if (confirmed is not null) return confirmed;
            knowledge.Doubt(seen.Key);
        }
    }

    /// <inheritdoc/>
    public Finding? LogComparisons(ReadOnlySpan<byte> input, ComparisonLog log) => null;

    /// <inheritdoc/>
    public long Progress => runner.Progress;

    /// <inheritdoc/>
    public void Stop() => _isStopping = true;

    /// <inheritdoc/>
    public void Dispose() => runner.Dispose();

    private ProgramRun Scout(ReadOnlySpan<byte> input)
    {
        var run = ScoutOnce(input);
        if (run is not { Finding: null, HasLearned: false } || runner.Edges is not { } edges || !edges.TakeNews()) return run;
        // What is new only once would keep the search busy with inputs that have done nothing.
        var again = ScoutOnce(input);
        if (again is { Finding: null, HasLearned: false }) edges.Compare();
        return again;
    }

    private ProgramRun ScoutOnce(ReadOnlySpan<byte> input)
    {
        Observations.Begin();
        return runner.Scout(input, Observations, knowledge);
    }

    private Finding? Confirm(ReadOnlySpan<byte> input, ProgramRun seen, FindingKey key)
    {
        byte[] alone = Without(input, seen.PassedOver, keep: seen.IsFatal ? seen.PassedOver.LastOrDefault(-1) : -1);
        var again = Replay(alone);
        if (again.Finding is not { } confirmed) return null;
        if (confirmed.Key != key && knowledge.IsSettled(confirmed.Key))
        {
            knowledge.PassOver(confirmed.Key);
            return null;
        }

        var variants = new DeviceReplay(runner, confirmed.Key, TimeToMinimise, () => _isStopping);
        byte[] smallest = minimizes ? new Minimizer(variants, runner.Shape, confirmed.Key).Minimize(alone) : alone;
        // Once more, for its own words, and for the requests that it is made of.
        var story = new Story();
        var told = _isStopping ? null : Replay(smallest, story);
        knowledge.Settle(confirmed.Key, again.IsFatal && told is { IsFatal: true } ? told.Classes : [], FailedAssertion.In(confirmed.Details));
        bool isSame = told?.Finding?.Key == confirmed.Key;
        byte[]? original = input.SequenceEqual(smallest) ? null : input.ToArray();
        return (isSame ? told!.Finding! : confirmed) with { Input = smallest, Original = original, Story = isSame ? story : new() };
    }

    private ProgramRun Replay(ReadOnlySpan<byte> input, Story? story = null) => runner.Replay(input, new(runner.StateCount) { Story = story }, avoided: null);

    private byte[] Without(ReadOnlySpan<byte> input, IReadOnlyList<int> steps, int keep)
    {
        if (steps.Count == 0) return input.ToArray();
        var shape = runner.Shape;
        var left = new List<byte>([.. input[..shape.HeaderSize]]);
        int count = shape.RecordsIn(input.Length);
        for (int i = 0; i < count; i++)
        {
            if (i != keep && steps.Contains(i)) continue;
            left.AddRange(input.Slice(shape.HeaderSize + (i * shape.RecordSize), shape.RecordSize));
        }

        return [.. left];
    }
}
