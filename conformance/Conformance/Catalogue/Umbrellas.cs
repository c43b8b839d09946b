namespace Viommu.Conformance.Catalogue;

/// <summary>
/// Clauses that ask for nothing but that others are kept, most of them of the chapter "Conformance": their verdict is that of their
/// parts. A part is a clause that has to be kept, so a MUST, or another such sum.
/// </summary>
internal sealed class Umbrellas
{
    private readonly List<(string Clause, IReadOnlyList<Glob> Parts)> rows;

    public Umbrellas(IEnumerable<(string Clause, string Parts)> rows) =>
        this.rows = [.. rows.Select(row => (row.Clause, (IReadOnlyList<Glob>)[.. row.Parts.Split(' ').Select(part => new Glob(part))]))];

    /// <summary>The sums of virtio 1.4; one that is a part of another comes before it.</summary>
    public static Umbrellas Load() => new(Tsv.Embedded("umbrellas.tsv", "clause\tparts").Select(cells => (cells[0], cells[1])));

    /// <summary>The clauses that are sums, in the order in which they can be added up.</summary>
    public IEnumerable<string> Clauses => rows.Select(row => row.Clause);

    /// <summary>The patterns of a sum's parts; none where the clause is no sum.</summary>
    public IReadOnlyList<Glob> PartsOf(string clause) => rows.FirstOrDefault(row => row.Clause == clause).Parts ?? [];

    /// <summary>True where <paramref name="candidate"/> is one of the parts of <paramref name="clause"/>.</summary>
    public bool IsPart(string clause, Clause candidate) =>
        (candidate.Level == Level.Must || PartsOf(candidate.Id).Count > 0) && PartsOf(clause).Any(part => part.Matches(candidate.Id));
}
