using System.Text.RegularExpressions;

namespace Viommu.Conformance.Catalogue;

/// <summary>
/// What tells the versions of the spec apart: the clauses that came later than 1.2, and the names that a later version gave to what was there.
/// </summary>
internal sealed class SpecLevels
{
    private const string NewHeader = "clause\tsince\tbefore";
    private const string RenamedHeader = "name\tsince\tbefore";

    private readonly List<NewClause> additions;
    private readonly List<(Regex Name, SpecVersion Since, string Before)> renamed;

    public SpecLevels(IEnumerable<string[]> additions, IEnumerable<string[]> renamed)
    {
        this.additions = [.. additions.Select(cells => new NewClause(new Glob(cells[0]), VersionOf(cells), cells[2]))];
        this.renamed = [.. renamed.Select(cells => (new Regex($@"\b{Regex.Escape(cells[0])}\b", RegexOptions.CultureInvariant), VersionOf(cells), cells[2]))];
    }

    public static SpecLevels Load() => new(Tsv.Embedded("spec-levels.tsv", NewHeader), Tsv.Embedded("spec-names.tsv", RenamedHeader));

    /// <summary>A clause with the version that it came with.</summary>
    public Clause Dated(Clause clause) =>
        additions.Find(a => a.Clause.Matches(clause.Id)) is { } added ? clause with { Since = added.Since, Before = added.Before } : clause;

    /// <summary>A clause in the words of a version.</summary>
    public Clause WordedAs(Clause clause, SpecVersion version) =>
        clause with { Paraphrase = Reword(clause.Paraphrase, version), Hint = Reword(clause.Hint, version) };

    /// <summary>What is wrong with the rows, given the catalogue: one that names no clause, and a clause that two name.</summary>
    public IEnumerable<string> Problems(IReadOnlyList<Clause> clauses)
    {
        foreach (var row in additions.Where(row => !clauses.Any(c => row.Clause.Matches(c.Id)))) yield return $"{row.Clause} names no clause";
        foreach (var clause in clauses.Where(c => additions.Count(row => row.Clause.Matches(c.Id)) > 1)) yield return $"{clause.Id} is dated twice";
    }

    private string Reword(string text, SpecVersion version) =>
        renamed.Where(r => version < r.Since).Aggregate(text, (words, r) => r.Name.Replace(words, r.Before));

    private static SpecVersion VersionOf(string[] cells) =>
        SpecVersions.Parse(cells[1]) ?? throw new InvalidDataException($"{cells[0]}: there is no virtio {cells[1]}");

    private sealed record NewClause(Glob Clause, SpecVersion Since, string Before);
}
