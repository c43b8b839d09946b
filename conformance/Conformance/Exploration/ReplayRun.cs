using System.Globalization;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Expectations;
using Viommu.Conformance.Oracle;
using Viommu.Conformance.Running;
using Viommu.Conformance.Scripts;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Exploration;

/// <summary>Scripts that are replayed as a run with reports like any other: a row for each script.</summary>
/// <param name="target">What they are run on.</param>
/// <param name="offered">The feature bits that it offers.</param>
/// <param name="rules">The checks, which are left out of such a run.</param>
/// <param name="expectations">What is known.</param>
/// <param name="clauses">Sums the rows up.</param>
/// <param name="catalogue">The clauses.</param>
internal sealed class ReplayRun(
    TargetIdentity target, ulong offered, IReadOnlyList<SpecRule> rules, ExpectationSet expectations, ClauseVerdicts clauses, ClauseCatalogue catalogue)
{
    private readonly List<CheckResult> rows = [];

    /// <summary>Adds what became of a script: what is known of it applied.</summary>
    public CheckResult Add(string file, Script script, IReadOnlyList<ScriptStep> steps, long milliseconds)
    {
        var found = steps.FirstOrDefault(step => step.IsFinding);
        var judged = found is not null ? [found.Broken] : ClausesOf(script, steps);
        var level = catalogue.TryGet(judged[0], out var clause) ? clause.Level : Level.Must;
        var rule = new RandomRule(
            IdOf(file), $"{Path.GetFileName(file)} breaks no clause", judged, level,
            "Does what the script says, and holds what happens against everything that the text allows.", "Replay the script: conformance replay FILE.");
        List<string> evidence = [.. script.Lines.OfType<CommentLine>().Select(comment => $"# {comment.Text}"), .. steps.Select(step => ScriptPrinter.Print(step.Operation))];
        evidence.AddRange((found?.LastWords ?? "").Split('\n').Where(line => line.Length > 0).Select(line => $"said: {line}"));
        var expected = found is null ? "" : found.Expected.Length > 0 ? found.Expected : clause?.Paraphrase ?? "";
        var actual = found is null ? "" : $"{FindingKey.Of(found)!.Verb} {FindingKey.Of(found)!.How}: {found.Operation.Seen?.Text}";
        rows.Add(expectations.Apply(rule, new CheckOutcome(VerdictOf(found, level), expected, actual, evidence, milliseconds), target, offered));
        return rows[^1];
    }

    /// <summary>The run, once every script has been added.</summary>
    public RunSnapshot End()
    {
        var judged = rows.SelectMany(row => row.Check.Clauses).ToHashSet();
        List<CheckResult> all =
        [
            .. rules.Where(rule => !rule.Clauses.Any(judged.Contains)).Select(rule => CheckResult.WithoutRunning(rule, Verdict.Skip, "left out by replay")),
            .. rows,
        ];
        // A script is there for what it shows, whatever its level.
        return new(target, offered, Seed: 0, Strict: true, all, clauses.Of(all), expectations.Complaints([.. all.Select(row => row.Check.Id)], (target, offered)), Over: true);
    }

    private static Verdict VerdictOf(ScriptStep? found, Level level) => found switch
    {
        null => Verdict.Pass,
        { End: StepEnd.Crash } => Verdict.Crash,
        { End: StepEnd.Hang } => Verdict.Timeout,
        _ => level == Level.Must ? Verdict.Fail : Verdict.Warn,
    };

    /// <summary>What a script was recorded to break, else whatever was the reason why something was right.</summary>
    private static IReadOnlyList<string> ClausesOf(Script script, IReadOnlyList<ScriptStep> steps)
    {
        List<string> recorded = [.. script.Operations.Select(operation => operation.Seen?.Breaks).OfType<string>().Distinct()];
        if (recorded.Count > 0) return recorded;
        List<string> kept =
        [
            .. steps.Where(step => step.Judgement is { Kind: JudgementKind.Allowed, Clause: not OracleClause.Silence }).Select(step => step.Judgement.ClauseId).Distinct(),
        ];
        return kept.Count > 0 ? kept : [OracleClause.OpsD01.Id()];
    }

    // Two files of one name in two folders are two scripts.
    private string IdOf(string file)
    {
        var name = string.Concat(Path.GetFileNameWithoutExtension(file).ToLowerInvariant().Select(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.' ? letter : '-'));
        var id = $"replay.{name}";
        for (var number = 2; rows.Exists(row => row.Check.Id == id); number++) id = string.Create(CultureInfo.InvariantCulture, $"replay.{name}-{number}");
        return id;
    }
}
