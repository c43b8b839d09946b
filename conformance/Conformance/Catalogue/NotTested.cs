namespace Viommu.Conformance.Catalogue;

/// <summary>Why clauses have no check: each row names a clause, or a glob of them, and the reason.</summary>
internal sealed class NotTested
{
    private const string Header = "clause\treason";
    private const string NoReason = "no check yet";

    private readonly List<(Glob Clause, string Reason)> rows;

    public NotTested(IEnumerable<(string Clause, string Reason)> rows) =>
        this.rows = [.. rows.Select(r => (new Glob(r.Clause), r.Reason)).OrderByDescending(r => r.Item1.IsExact)];

    public static NotTested Load() => new(Tsv.Embedded("not-tested.tsv", Header).Select(cells => (cells[0], cells[1])));

    /// <summary>The reason of a row that names the clause, or else of the first glob that covers it.</summary>
    public string ReasonFor(string clause) => Find(clause) ?? NoReason;

    /// <summary>Why a run that judges <paramref name="judged"/> has no verdict of a clause without a result.</summary>
    public string ReasonFor(Clause clause, Role judged) =>
        clause.Role == judged ? ReasonFor(clause.Id)
        : clause.Role == Role.Driver ? "Binds the driver; the device is under test. 'conformance watch' judges drivers."
        : "Binds the device; the driver is under test. 'conformance run' judges devices.";

    /// <summary>
    /// What is wrong with the rows, given the clauses that have checks: a clause with neither check nor reason, a row that names a
    /// clause which has a check, and a row that covers nothing. A glob stands for the rest of its family, so checks within it are fine.
    /// </summary>
    public IEnumerable<string> Problems(ClauseCatalogue catalogue, IReadOnlySet<string> tested)
    {
        foreach (var clause in catalogue.Clauses.Where(c => !tested.Contains(c.Id) && Find(c.Id) is null))
            yield return $"{clause.Id} has neither a check nor a reason";
        foreach (var row in rows)
        {
            var covered = catalogue.Clauses.Where(c => row.Clause.Matches(c.Id)).ToList();
            if (covered.Count == 0) yield return $"{row.Clause} names no clause";
            else if (covered.TrueForAll(c => tested.Contains(c.Id))) yield return $"{row.Clause} has a reason although it has a check";
        }
    }

    private string? Find(string clause) => rows.FirstOrDefault(r => r.Clause.Matches(clause)).Reason;
}
