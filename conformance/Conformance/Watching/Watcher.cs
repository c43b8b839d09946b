using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Watching;

/// <summary>Shows observations to every rule that wants them, keeps the history that rules look at, and says in the end what each rule saw.</summary>
public sealed class Watcher
{
    private const int EvidenceLength = 16;

    private readonly DriverHistory history = new();
    private readonly List<Judge> judges;
    private readonly Dictionary<Type, Judge[]> byObservation = [];
    private readonly Queue<Observation> recent = new();
    private readonly HashSet<WatchedTransport> transports = [];
    private Sight seenEver;
    private ulong offeredEver;

    /// <summary>Watches with these rules.</summary>
    public Watcher(IEnumerable<DriverRule> rules) => judges = [.. rules.Select(rule => new Judge(rule, history, Evidence))];

    /// <summary>What is known of the driver and its device.</summary>
    public DriverHistory History => history;

    /// <summary>How many observations there were.</summary>
    public long Count { get; private set; }

    /// <summary>Every feature bit that a device offered.</summary>
    public ulong OfferedFeatures => offeredEver;

    /// <summary>Takes an observation in.</summary>
    public void See(Observation seen)
    {
        Count++;
        if (seen is SessionStarted started) Begin(started);
        recent.Enqueue(seen);
        if (recent.Count > EvidenceLength) recent.Dequeue();
        foreach (var judge in For(seen.GetType())) judge.Look(seen);
        history.Apply(seen);
        offeredEver |= history.Offered;
    }

    /// <summary>What each rule has to say, in their order.</summary>
    public IReadOnlyList<CheckResult> Results() => [.. judges.Select(Result)];

    private void Begin(SessionStarted started)
    {
        recent.Clear();
        seenEver |= started.Sees;
        transports.Add(started.Transport);

        // Rules see the device that begins, not the one that ended.
        foreach (var judge in judges) judge.Begin();
        history.Apply(started);
    }

    private Judge[] For(Type observation)
    {
        if (!byObservation.TryGetValue(observation, out var interested))
            byObservation[observation] = interested = [.. judges.Where(judge => judge.Rule.Consumes.IsAssignableFrom(observation))];
        return interested;
    }

    private List<string> Evidence() => [.. recent.SelectMany(seen => seen.ToString().Split('\n'))];

    private CheckResult Result(Judge judge)
    {
        var rule = judge.Rule;
        if (judge.Failure is { } bug)
            return New(Verdict.Error, "the rule works", $"{bug.GetType().Name}: {bug.Message}", bug.ToString().ReplaceLineEndings("\n").Split('\n'));
        if (judge.Broken > 0)
        {
            var first = judge.Violations[0];
            var more = judge.Broken == 1 ? "" : $"; broken {judge.Broken} times of {judge.Exercised}";
            return New(rule.Level == Level.Must ? Verdict.Fail : Verdict.Warn, first.Expected, first.Actual + more, first.Evidence);
        }
        if (judge.Exercised > 0) return New(Verdict.Pass, "", string.Join("; ", judge.Notes), []);
        return New(Verdict.NotApplicable, WhyNotExercised(rule), "", []);

        CheckResult New(Verdict verdict, string expected, string actual, IReadOnlyList<string> evidence) =>
            new(rule, verdict, expected, actual, evidence, 0) { Observed = verdict };
    }

    private string WhyNotExercised(DriverRule rule)
    {
        if (rule.Transports.Count > 0 && !rule.Transports.Any(transports.Contains))
            return $"the device was not driven through {string.Join(" or ", rule.Transports)}";
        var unseen = rule.Needs & ~seenEver;
        return unseen == 0 ? "not exercised by this driver" : $"what was watched does not show {unseen}";
    }
}
