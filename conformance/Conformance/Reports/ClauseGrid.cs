using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Recorded;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Reports;

/// <summary>
/// The page's part that leads from every clause to what judges it, what proves that, and the verdict in each of several runs: the model of
/// the template <c>grid.hbs</c>.
/// </summary>
internal static class ClauseGrid
{
    /// <summary>The rows for <paramref name="runs"/>; where a run has a report of its own, its link leads there.</summary>
    public static object Of(Traceability trace, IReadOnlyList<(RecordedRun Run, string? Report)> runs)
    {
        var verdicts = runs.Select(r => r.Run.Clauses.DistinctBy(c => c.Id).ToDictionary(c => c.Id)).ToList();
        return new
        {
            columns = runs.Select((r, i) => new { name = PlainText.Shown(r.Run.Name), number = i + 1, link = r.Report }).ToList(),
            width = runs.Count + 3,
            total = trace.Rows.Count,
            families = trace.Rows.GroupBy(row => row.Clause.Family).Select(family => new
            {
                title = ClauseCatalogue.TitleOf(family.Key),
                rows = family.Select(row => Row(row, [.. verdicts.Select((run, i) => Cell(run, row.Clause.Id, runs[i].Report))])).ToList(),
            }).ToList(),
        };
    }

    private static object Row(ClauseTrace row, IReadOnlyList<GridCell> cells) => new
    {
        id = row.Clause.Id,
        section = row.Clause.Section,
        level = row.Clause.KeywordShown,
        levelClass = row.Clause.Level.ToString().ToLowerInvariant(),
        role = row.Clause.Role.ToString().ToLowerInvariant(),
        text = row.Clause.Paraphrase,
        source = row.Clause.Source,
        since = row.Clause.Since == SpecVersion.V1_2 ? "" : row.Clause.Since.Name(),
        reason = row.Reason,
        rules = row.Rules.Select(rule => rule.Title).ToList(),
        proofs = row.Proofs,
        differs = cells.Any(cell => cell.Name != cells[0].Name),
        cells = cells.Select(cell => new { name = cell.Name, verdictClass = cell.VerdictClass, why = cell.Why, link = cell.Link }).ToList(),
    };

    private static GridCell Cell(Dictionary<string, RecordedClause> run, string id, string? report) => run.TryGetValue(id, out var clause)
        ? new(clause.Verdict.Name(), HtmlReport.Class(clause.Verdict), PlainText.Shown(clause.Reason), report is null ? null : $"{report}#{id}")
        : new("", "", "", null);

    private sealed record GridCell(string Name, string VerdictClass, string Why, string? Link);
}
