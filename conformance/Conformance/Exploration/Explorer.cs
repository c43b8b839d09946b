using Viommu.Conformance.Oracle;
using Viommu.Conformance.Scripts;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Exploration;

/// <summary>How random operations are run.</summary>
/// <param name="Seed">What everything that is random depends on.</param>
/// <param name="Sequences">How many sequences, each from a reset device.</param>
/// <param name="Length">How many operations each.</param>
/// <param name="Deadline">How long one sequence may take before the target hangs.</param>
/// <param name="Budget">When to begin no further sequence; null for no limit.</param>
internal sealed record ExplorationOptions(ulong Seed, int Sequences, int Length, TimeSpan Deadline, TimeSpan? Budget = null);

/// <summary>What random operations came to.</summary>
internal sealed class ExplorationTally
{
    /// <summary>Sequences that were run.</summary>
    public int Sequences { get; set; }

    /// <summary>Operations that were done, those beside that settle an open question included.</summary>
    public long Operations { get; set; }

    /// <summary>Requests among them.</summary>
    public long Requests { get; set; }

    /// <summary>Accesses of endpoints among them, those that were left out aside.</summary>
    public long Accesses { get; set; }

    /// <summary>Resets for which the oracle had to be set right, since the text does not tell what the device did.</summary>
    public long TimesLost { get; set; }

    /// <summary>How often each clause was the reason why something was right.</summary>
    public Dictionary<OracleClause, long> Kept { get; } = [];

    /// <summary>How often each deviation was seen.</summary>
    public Dictionary<FindingKey, long> Seen { get; } = [];

    /// <summary>Why the run ended before its last sequence; null where it did not.</summary>
    public string? EndedEarly { get; set; }

    /// <summary>True where it was interrupted.</summary>
    public bool WasInterrupted { get; set; }
}

/// <summary>Sends random operations to a target, sequence by sequence, and makes whatever breaks a clause small.</summary>
internal sealed class Explorer(ITargetSource source, ExplorationOptions options, TimeProvider clock) : IDisposable
{
    private const int ShrinkingAttempts = 500;
    private const int ShrinkingAttemptsOnDeath = 60;
    private const int MostProbes = 12;

    // A deviation that shows only behind another one is a consequence of it, as far as anyone can tell.
    private const int TriesForConsequences = 3;

    private readonly ScriptLab lab = new(source, options.Deadline);
    private readonly Dictionary<FindingKey, int> settled = [];
    private readonly HashSet<string> deaths = [];
    private Script? previous;
    private bool failsInPieces;

    /// <summary>What is under test.</summary>
    public TargetIdentity Identity => lab.Identity;

    /// <summary>The feature bits that it offers.</summary>
    public ulong Offered => lab.Offered;

    /// <summary>What it has come to so far.</summary>
    public ExplorationTally Tally { get; } = new();

    /// <summary>Runs the sequences, and hands out each finding once it is as small as it gets.</summary>
    public IEnumerable<Finding> Run(Action<string> progress, CancellationToken cancellation)
    {
        var begin = clock.GetTimestamp();
        for (var index = 0; index < options.Sequences; index++)
        {
            if (cancellation.IsCancellationRequested) (Tally.EndedEarly, Tally.WasInterrupted) = ("it was interrupted", true);
            else if (options.Budget is { } budget && clock.GetElapsedTime(begin) >= budget) Tally.EndedEarly = FormattableString.Invariant($"the budget of {budget.TotalSeconds:0.###} s was used up");
            if (Tally.EndedEarly is not null) yield break;
            if (index % 16 == 0) progress(FormattableString.Invariant($"sequence {index + 1} of {options.Sequences}, {settled.Count} findings"));
            foreach (var finding in RunOne(RandomSource.For(options.Seed, index))) yield return finding;
        }
    }

    /// <summary>Runs one sequence that depends on <paramref name="random"/>, and on what was found before it.</summary>
    public IReadOnlyList<Finding> RunOne(RandomSource random)
    {
        var (script, steps) = RunSequence(random);
        Tally.Sequences++;
        List<Finding> findings = [.. Settle(script, steps)];
        previous = script;
        return findings;
    }

    public void Dispose() => lab.Dispose();

    /// <summary>Runs a random sequence; it ends early where something new breaks a clause.</summary>
    private (Script Script, IReadOnlyList<ScriptStep> Steps) RunSequence(RandomSource random)
    {
        var lines = new List<ScriptLine>();
        var steps = new List<ScriptStep>();
        lab.Within(steps, (runner, done) =>
        {
            var operations = new RandomOperations(runner, random, failsInPieces);
            var features = operations.NextFeatures();
            if (features != Guest.Wire.Features.IommuChapter) lines.Add(new FeaturesLine(features));
            runner.Begin(features);
            for (var i = 0; i < options.Length; i++)
            {
                if (!Take(operations.Next())) return;
                for (var asked = 0; asked < MostProbes && runner.Oracle.TryFindProbe(out var probe); asked++)
                {
                    if (!Take(runner.Bindings.OperationOf(probe!))) return;
                }
                if (!runner.Oracle.IsLost) continue;
                Tally.TimesLost++;
                if (!Take(new ResetOperation())) return;
            }

            bool Take(ScriptOperation operation)
            {
                // What is known to be the end of the target need not be shown again.
                if (operation is RequestOperation && IsSettled(FindingKey.OfDeath(runner.BrokenByDeath(operation), operation))) return true;
                var step = runner.Do(operation);
                Count(step);
                lines.Add(step.Operation);
                done(step);
                if (step.Judgement.Answer == Answers.NotReturned && step.End == StepEnd.Alive && FindingKey.Of(step) is { } refused && IsSettled(refused))
                    return Take(new ResetOperation());
                return step.End == StepEnd.Alive && (FindingKey.Of(step) is not { } key || IsSettled(key));
            }
        });
        return (new Script(lines), steps);
    }

    private void Count(ScriptStep step)
    {
        Tally.Operations++;
        if (step.Exchange is not null) Tally.Requests++;
        if (step.Operation is DmaOperation && step.Judgement.Kind != JudgementKind.Unjudged) Tally.Accesses++;
        if (step.Judgement is { Kind: JudgementKind.Allowed, Clause: not OracleClause.Silence })
            Tally.Kept[step.Judgement.Clause] = Tally.Kept.GetValueOrDefault(step.Judgement.Clause) + 1;
        if (FindingKey.Of(step) is { } key) Tally.Seen[key] = Tally.Seen.GetValueOrDefault(key) + 1;
    }

    private bool IsSettled(FindingKey key) => settled.GetValueOrDefault(key) >= TriesForConsequences;

    /// <summary>Makes what a sequence showed that is new as small as it gets; what is no finding in its own right is forgotten.</summary>
    private IEnumerable<Finding> Settle(Script script, IReadOnlyList<ScriptStep> steps)
    {
        if (steps.Count == 0 || FindingKey.Of(steps[^1]) is not { } key || IsSettled(key)) yield break;

        // The target may have ended between operations, so that the script has no line for what showed it.
        var shown = steps[^1].Operation is ResetOperation && (script.Lines.Count == 0 || script.Lines[^1] != steps[^1].Operation) ? new Script([.. script.Lines, steps[^1].Operation]) : script;
        var after = Tally.Operations;
        var fatal = steps[^1].End != StepEnd.Alive;

        // One assertion can be reached in many ways; it is one finding.
        if (steps[^1].End == StepEnd.Crash && !deaths.Add(steps[^1].LastWords.Split('\n')[^1]))
        {
            settled[key] = TriesForConsequences;
            yield break;
        }
        if (Reproduce(shown, key) is not { } again)
        {
            settled[key] = TriesForConsequences;
            yield return new Finding(key, shown, steps[^1], Reproduced: false) { After = after };
            yield break;
        }
        var small = new ScriptShrinker(candidate => Shows(candidate, key), fatal ? ShrinkingAttemptsOnDeath : ShrinkingAttempts).Shrink(again);
        var last = lab.Run(small, explain: true).ToList();
        var first = last.FindIndex(step => step.IsFinding);
        if (first < 0 || FindingKey.Of(last[first]) != key)
        {
            settled[key] = settled.GetValueOrDefault(key) + 1;
            yield break;
        }
        var found = key;
        if (last[first].Operation is RequestOperation op && op.Framing != ScriptFraming.Plain)
        {
            // In one piece the same request is fine: it is the way that it was cut, so the key stays open for the request itself.
            found = FindingKey.OfFraming(op, lab.IsPacked);
            failsInPieces = true;
            if (IsSettled(found)) yield break;
            last[first] = last[first] with { Broken = found.Clause, Operation = op with { Seen = op.Seen! with { Breaks = found.Clause } } };
        }
        settled[found] = TriesForConsequences;
        var features = small.Lines.Where(line => line is not ScriptOperation).ToList();
        yield return new Finding(found, new Script([.. features, .. last.Take(first + 1).Select(step => step.Operation)]), last[first], Reproduced: true) { After = after };
    }

    /// <summary>The script, or it behind the one before, whichever shows the finding on a target that is fresh; null where none does.</summary>
    private Script? Reproduce(Script script, FindingKey key)
    {
        if (Shows(script, key)) return script;
        lab.Discard();
        if (Shows(script, key)) return script;
        if (previous is null) return null;
        var both = new Script([.. previous.Lines, new FeaturesLine(script.Lines is [FeaturesLine features, ..] ? features.Features : Guest.Wire.Features.IommuChapter), new ResetOperation(), .. script.Operations]);
        lab.Discard();
        return Shows(both, key) ? both : null;
    }

    private bool Shows(Script script, FindingKey key) => lab.Run(script).Any(step => FindingKey.Of(step) == key);
}
