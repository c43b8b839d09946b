using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Oracle;

namespace Viommu.Conformance.Tests.Oracle;

public sealed class OracleClauseTests
{
    private static readonly ClauseCatalogue Catalogue = ClauseCatalogue.Load();

    [Fact]
    public void Every_clause_is_in_the_catalogue_at_the_same_level() => Assert.All(
        Enum.GetValues<OracleClause>().Where(clause => clause != OracleClause.Silence), clause =>
        {
            Assert.True(Catalogue.TryGet(clause.Id(), out var row), $"{clause}: '{clause.Id()}' is not in the catalogue");
            Assert.Equal(row.Level, clause.Level());
        });

    [Fact]
    public void Ids_are_what_the_members_are_named_after() => Assert.All(
        Enum.GetValues<OracleClause>().Where(clause => clause is not (OracleClause.Silence or OracleClause.UsedLength)),
        clause => Assert.Equal(clause.ToString().ToUpperInvariant(), clause.Id().Replace("DESC-IOMMU-", "DescIommu", StringComparison.Ordinal)
            .Replace("IOMMU-", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal).ToUpperInvariant()));
}
