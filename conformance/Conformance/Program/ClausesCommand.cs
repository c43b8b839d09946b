using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Spectre.Console;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Recorded;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Program;

/// <summary>
/// <c>conformance clauses</c>: every clause of the spec, with what judges it, what proves that, and what runs have shown of it; or the reason
/// why nothing judges it. With a threshold it is a gate on coverage.
/// </summary>
internal sealed class ClausesCommand
{
    private const int IdColumn = 20;
    private const int LabelColumn = 8;
    private const string Everyone = "all";

    private static readonly Style Faint = new(Color.Grey);

    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // no HTML around it
    };

    private readonly CliHost host;
    private readonly SpecOption spec = new();

    private readonly Option<string[]> only = new("--only")
    {
        Description = "Show these clauses only: a glob on clause ids, such as 'IOMMU-MAP-*'. Can be repeated.",
        HelpName = "GLOB",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string> role = new("--role")
    {
        Description = "Show clauses that bind the device, the driver, or all.",
        HelpName = "device|driver|all",
        DefaultValueFactory = _ => Everyone,
    };

    private readonly Option<string[]> verdicts = new("--verdicts")
    {
        Description = "Show what a run says of each clause: a results.json, a report folder, or a folder of them. Can be repeated; a clause then "
            + "counts as covered where any of the runs has judged it.",
        HelpName = "RUN",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<double?> require = new("--require-coverage")
    {
        Description = "Exit 1 where less than this part of the observable clauses shown is covered.",
        HelpName = "PERCENT",
    };

    private readonly Option<bool> json = new("--json") { Description = "Print JSON, for programs." };

    public ClausesCommand(CliHost host)
    {
        this.host = host;
        Command = new("clauses", "Traces every clause of the spec: its checks, the broken devices that prove them, verdicts; or the reason why it has none.");
        Command.Add(only);
        Command.Add(role);
        spec.AddTo(Command);
        foreach (Option option in (Option[])[verdicts, require, json]) Command.Add(option);
        role.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, "device", "driver", Everyone);
        require.Validators.Add(result =>
        {
            if (result.ValueOrNone<double?>() is { } percent && !(percent >= 0 && percent <= 100)) result.AddError("--require-coverage takes 0 to 100 percent");
        });
        Command.SetAction(Show);
    }

    public Command Command { get; }

    private int Show(ParseResult parsed)
    {
        var rows = Chosen(parsed);
        if (rows.Count == 0)
        {
            host.Error.WriteLine("conformance: no clause is selected; 'conformance clauses' shows the ids that --only is held against");
            return ExitCode.Harness;
        }
        var version = spec.Read(parsed);
        var recorded = parsed.GetRequiredValue(verdicts).SelectMany(ResultsFile.Load).ToList();
        var runs = recorded.Select(run => new Said(run, recorded.Count(other => other.Target == run.Target) > 1)).ToList();
        // A clause that the version has not got is neither covered nor missing.
        var coverage = Coverage.Of([.. rows.Where(row => row.Clause.WhyNotIn(version) is null)],
            row => runs.Count == 0 ? row.IsJudged : runs.Exists(run => run.Judges(row.Clause.Id)));

        if (parsed.GetValue(json)) host.Console.Profile.Out.Writer.Write(Json(rows, runs, version, coverage));
        else Print(rows, runs, version, coverage);

        if (parsed.GetValue(require) is not { } wanted || coverage.Percent >= wanted) return ExitCode.AsExpected;
        host.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"conformance: coverage is {coverage.Percent:0.0} %, {wanted:0.###} % are required"));
        return ExitCode.Findings;
    }

    private List<ClauseTrace> Chosen(ParseResult parsed)
    {
        var globs = parsed.GetRequiredValue(only).Select(g => new Glob(g)).ToList();
        var bound = parsed.GetRequiredValue(role);
        return [.. host.Trace(spec.Read(parsed)).Rows.Where(row =>
            (globs.Count == 0 || globs.Exists(glob => glob.Matches(row.Clause.Id)))
            && (bound.Equals(Everyone, StringComparison.OrdinalIgnoreCase) || bound.Equals(row.Clause.Role.ToString(), StringComparison.OrdinalIgnoreCase)))];
    }

    private void Print(IReadOnlyList<ClauseTrace> rows, IReadOnlyList<Said> runs, SpecVersion version, Coverage coverage)
    {
        var section = "";
        foreach (var row in rows)
        {
            var clause = row.Clause;
            var name = $"{ClauseCatalogue.TitleOf(clause.Family)}: {clause.Section}";
            if (name != section)
            {
                host.Console.WriteLine();
                host.Console.Line((name, new Style(decoration: Decoration.Bold)));
                section = name;
            }
            host.Console.Labelled(clause.Id, IdColumn, $"{clause.KeywordShown} ({clause.Role.ToString().ToLowerInvariant()}): {clause.Paraphrase}");
            if (clause.WhyNotIn(version) is { } why) Tell(Verdict.NotApplicable.Name(), why, Faint);
            foreach (var rule in row.Rules) Tell("", rule.Id, TextLines.StyleOf(Verdict.Pass));
            if (row.Proofs.Count > 0) Tell("red on", string.Join("; ", row.Proofs), Faint);
            if (row.Parts.Count > 0) Tell("", row.Reason, TextLines.StyleOf(Verdict.Pass));
            else if (row.Rules.Count == 0) host.Console.Labelled("", IdColumn, $"{Verdict.NotTested.Name()}: {row.Reason}", null, TextLines.StyleOf(Verdict.NotTested));
            foreach (var said in runs.Where(run => run.Of(clause.Id) is not null).GroupBy(run => run.Of(clause.Id)!.Verdict).OrderByDescending(g => g.Key))
                Tell(said.Key.Name(), string.Join("; ", said.Select(run => run.Name)), TextLines.StyleOf(said.Key));
        }
        host.Console.WriteLine();
        host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"{rows.Count} clauses, {rows.Count(row => row.IsJudged)} of them with checks or, for drivers, rules"));
        host.Console.Line($"coverage{(runs.Count == 0 ? "" : " by these runs")}: {coverage}");
    }

    private void Tell(string label, string text, Style style) =>
        host.Console.Labelled(label.Length == 0 ? "" : new string(' ', IdColumn) + label, label.Length == 0 ? IdColumn : IdColumn + LabelColumn, text, style,
            label.Length == 0 ? style : null);

    private static string Json(IReadOnlyList<ClauseTrace> rows, IReadOnlyList<Said> runs, SpecVersion version, Coverage coverage) => JsonSerializer.Serialize(
        new
        {
            Schema = 1,
            Spec = version.Name(),
            Coverage = new { coverage.Covered, coverage.Observable, Percent = Math.Round(coverage.Percent, 1) },
            Clauses = rows.Select(row => new
            {
                row.Clause.Id,
                Role = row.Clause.Role.ToString().ToLowerInvariant(),
                row.Clause.Keyword,
                Security = row.Clause.IsSecurityRelevant,
                row.Clause.Section,
                row.Clause.Source,
                Since = row.Clause.Since.Name(),
                row.Clause.Paraphrase,
                row.Clause.Observable,
                Checks = row.Rules.Select(rule => new { rule.Id, rule.Proofs }),
                row.Reason,
                Verdicts = runs.Where(run => run.Of(row.Clause.Id) is not null).Select(run => new { Run = run.Name, Verdict = run.Of(row.Clause.Id)!.Verdict.Name() }),
            }),
        },
        Format) + "\n";

    /// <summary>What a run says of clauses; by its target alone it may not be told from the others.</summary>
    private sealed class Said(RecordedRun run, bool isAmbiguous)
    {
        private readonly Dictionary<string, RecordedClause> byId = run.Clauses.DistinctBy(c => c.Id).ToDictionary(c => c.Id);

        public string Name { get; } = isAmbiguous ? $"{run.Target} in {run.Name}" : run.Target.ToString();

        public RecordedClause? Of(string id) => byId.GetValueOrDefault(id);

        public bool Judges(string id) => Of(id) is { Verdict: not (Verdict.NotApplicable or Verdict.NotTested or Verdict.Skip or Verdict.Missing or Verdict.Error) };
    }
}
