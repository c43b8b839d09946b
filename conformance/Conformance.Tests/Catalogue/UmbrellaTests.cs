using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Running;

namespace Viommu.Conformance.Tests.Catalogue;

/// <summary>The chapter "Conformance" is judged by the clauses that it asks for.</summary>
public sealed class UmbrellaTests
{
    private static readonly ClauseCatalogue Clauses = ClauseCatalogue.Load();
    private static readonly Umbrellas Umbrellas = Umbrellas.Load();

    [Fact]
    public void Every_pattern_has_parts_of_the_same_role() => Assert.All(Umbrellas.Clauses, umbrella =>
    {
        Assert.True(Clauses.TryGet(umbrella, out var sum));
        Assert.All(Umbrellas.PartsOf(umbrella), part =>
        {
            var named = Clauses.Clauses.Where(clause => part.Matches(clause.Id)).ToList();
            Assert.NotEmpty(named);
            Assert.All(named, clause => Assert.Equal(sum.Role, clause.Role));
        });
    });

    [Fact]
    public void A_broken_MUST_breaks_each_sum_that_has_it_and_no_other()
    {
        var verdicts = new ClauseVerdicts(Clauses, NotTested.Load())
            .Of([Result("IOMMU-ATTACH-D-01", Verdict.Fail), Result("IOMMU-ATTACH-D-02", Verdict.Pass), Result("CORE-FEAT-D-03", Verdict.Pass), Result("PCI-CAP-D-04", Verdict.NotApplicable)])
            .ToDictionary(result => result.Clause.Id);
        Assert.Equal(Verdict.Pass, verdicts["CONF-D-02"].Verdict);
        Assert.Equal(Verdict.NotApplicable, verdicts["CONF-D-03"].Verdict);
        Assert.Equal(Verdict.Fail, verdicts["CONF-D-07"].Verdict);
        Assert.Contains("IOMMU-ATTACH-D-01", verdicts["CONF-D-07"].Reason, StringComparison.Ordinal);
        Assert.Equal(Verdict.Fail, verdicts["CONF-D-01"].Verdict);
        Assert.Equal("1 of the 2 clauses that it asks for: CONF-D-07", verdicts["CONF-D-01"].Reason);
        Assert.Equal(Verdict.NotTested, verdicts["CONF-D-04"].Verdict);
    }

    [Fact]
    public void A_broken_SHOULD_breaks_none() => Assert.False(Umbrellas.IsPart("CONF-D-07", Clauses.Clauses.Single(clause => clause.Id == "IOMMU-MAP-D-01")));

    private static CheckResult Result(string clause, Verdict verdict) =>
        new(FakeChecks.Make($"{clause}.holds", Level.Must), verdict, "", "", [], 0) { Observed = verdict };
}
