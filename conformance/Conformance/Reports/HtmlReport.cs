using HandlebarsDotNet;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Reports;

/// <summary><c>index.html</c>: the clause matrix, for people. One file, nothing fetched; the template escapes every value.</summary>
/// <param name="trace">What proves the checks; null for a page that does not tell.</param>
internal sealed class HtmlReport(Traceability? trace = null) : IReport
{
    private readonly Dictionary<string, IReadOnlyList<string>> proofs = trace?.Rows.ToDictionary(row => row.Clause.Id, row => row.Proofs) ?? [];

    private static readonly Lazy<HandlebarsTemplate<object, object>> Template = new(() => PageTemplate.Compile("index"));

    public string FileName => "index.html";

    public TimeSpan Interval => TimeSpan.FromSeconds(1);

    public string Render(RunSnapshot run)
    {
        var results = run.Checks.ToDictionary(c => c.Check.Id);
        var families = run.Clauses.GroupBy(c => c.Clause.Family).Select(family => new
        {
            id = family.Key,
            title = ClauseCatalogue.TitleOf(family.Key),
            clauses = family.Count(),
            counts = Chips(family),
            open = family.Any(c => c.Verdict != Verdict.NotTested),
            sections = Sections(family).Select(section => new
            {
                title = section[0].Clause.Section,
                rows = section.Select(c => Row(c, results)).ToList(),
            }).ToList(),
        }).ToList();

        // What a run says of more than clauses, such as of the steps of a guest.
        var clauses = run.Clauses.Select(c => c.Clause.Id).ToHashSet();
        var besides = run.Checks.Where(c => !clauses.Contains(c.Check.Clauses[0])).GroupBy(c => c.Check.Clauses[0])
            .Select(scope => new { id = scope.Key, rows = scope.Select(Line).ToList() }).ToList();

        return Template.Value(new
        {
            target = run.Target.ToString(),
            spec = run.Spec.Name(),
            tool = Tool.Version,
            seed = run.Seed.ToString(System.Globalization.CultureInfo.InvariantCulture),
            features = run.FeatureNames,
            partial = !run.Over,
            strict = run.Strict ? "fail the run" : run.StrictOnSecurity ? "fail the run where isolation hangs on them" : "are warnings",
            outcome = Outcome(run),
            outcomeClass = run.ExitCode switch { ExitCode.AsExpected => "good", ExitCode.Findings => "bad", _ => "odd" },
            checkTotal = run.Checks.Count,
            clauseTotal = run.Clauses.Count,
            checks = run.Counts.Select(c => Chip(c.Verdict, c.Count)).ToList(),
            verdicts = Chips(run.Clauses),
            versions = Versions(new SpecDiff(run)),
            complaints = run.Complaints.Select(PlainText.Shown).ToList(),
            findings = run.Checks.Where(c => c.Verdict >= Verdict.Warn).OrderByDescending(c => c.Verdict).Select(c => new
            {
                clause = c.Check.Clauses[0],
                title = c.Check.Title,
                verdict = c.Verdict.Name(),
                verdictClass = Class(c.Verdict),
            }).ToList(),
            besides,
            families,
        });
    }

    private static object? Versions(SpecDiff diff) => diff.Changing.Count == 0 ? null : new
    {
        count = diff.Changing.Count,
        all = diff.Versions.Select(version => new { name = version.Name(), counts = diff.Counts(version).Select(c => Chip(c.Verdict, c.Count)).ToList() }).ToList(),
        changing = diff.Changing.Select(clause => new
        {
            id = clause.Clause.Id,
            text = clause.Clause.Paraphrase,
            cells = diff.Versions.Select(version => SpecDiff.By(version, clause)).Select(v => new { name = v.Name(), verdictClass = Class(v) }).ToList(),
        }).ToList(),
    };

    internal static string Outcome(RunSnapshot run)
    {
        int findings = run.Complaints.Count + run.Checks.Count(run.IsFinding);
        int owed = run.Checks.Count(c => c.Verdict.IsHarnessFault());
        int warnings = run.Checks.Count(c => c.Verdict == Verdict.Warn && !run.IsFinding(c));
        var outcome = run.ExitCode switch
        {
            ExitCode.Findings => Counted(findings, "finding"),
            ExitCode.Harness => $"{Counted(owed, "check")} without a result",
            _ => "As expected",
        };
        return warnings == 0 ? outcome : $"{outcome}, {Counted(warnings, "warning")}";
    }

    private static string Counted(int count, string what) => count == 1 ? $"1 {what}" : $"{count} {what}s";

    private object Row(ClauseResult result, Dictionary<string, CheckResult> results)
    {
        var clause = result.Clause;
        return new
        {
            id = clause.Id,
            level = clause.KeywordShown,
            levelClass = clause.Level.ToString().ToLowerInvariant(),
            role = clause.Role.ToString().ToLowerInvariant(),
            verdict = result.Verdict.Name(),
            verdictClass = Class(result.Verdict),
            text = clause.Paraphrase,
            unworded = clause.IsUnworded,
            since = clause.Since == SpecVersion.V1_2 ? "" : clause.Since.Name(),
            source = clause.Source,
            reason = PlainText.Shown(result.Reason),
            proofs = proofs.GetValueOrDefault(clause.Id, []),
            checks = result.Checks.Select(id => Line(results[id])).ToList(),
        };
    }

    private static object Line(CheckResult c) => new
    {
        id = c.Check.Id,
        title = c.Check.Title,
        verdict = c.Verdict.Name(),
        verdictClass = Class(c.Verdict),
        open = c.Verdict >= Verdict.Error,
        told = c.Verdict is >= Verdict.Warn or Verdict.ExpectedFailure,
        note = c.Verdict is Verdict.NotApplicable or Verdict.Skip or Verdict.Missing ? PlainText.Shown(c.Expected)
            : c.Verdict == Verdict.Pass ? PlainText.Shown(c.Actual) : "",
        expected = PlainText.Shown(c.Expected),
        actual = PlainText.Shown(c.Actual),
        evidence = PlainText.Shown(string.Join('\n', c.Evidence)),
        time = c.Milliseconds,
    };

    /// <summary>Runs of rows with one section title.</summary>
    private static IEnumerable<List<ClauseResult>> Sections(IEnumerable<ClauseResult> rows)
    {
        var section = new List<ClauseResult>();
        foreach (var row in rows)
        {
            if (section.Count > 0 && section[0].Clause.Section != row.Clause.Section)
            {
                yield return section;
                section = [];
            }
            section.Add(row);
        }
        yield return section;
    }

    private static List<object> Chips(IEnumerable<ClauseResult> clauses) =>
        [.. clauses.GroupBy(c => c.Verdict).OrderByDescending(g => g.Key).Select(g => Chip(g.Key, g.Count()))];

    internal static object Chip(Verdict verdict, int count) => new { name = verdict.Name(), verdictClass = Class(verdict), count };

    internal static string Class(Verdict verdict) => "v-" + verdict.Name().ToLowerInvariant().Replace("/", "", StringComparison.Ordinal);
}
