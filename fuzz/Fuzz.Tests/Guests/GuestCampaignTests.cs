using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;
using Viommu.Conformance.Watching;
using Viommu.Fuzz.Guests;

namespace Viommu.Fuzz.Tests.Guests;

public class GuestCampaignTests
{
    private static readonly IReadOnlyList<DriverRule> Rules = RuleRegistry.Find(typeof(Watcher).Assembly, ClauseCatalogue.Load());

    [Fact]
    public void Once_a_lie_has_left_open_what_is_mapped_only_rules_without_a_history_accuse()
    {
        string[] histories = ["ATTACH-V-03", "ATTACH-V-04", "MAP-V-02", "RESV-V-01", "UNMAP-V-02", "UNMAP-V-03", "UNMAP-V-04", "UNMAP-V-05", "UNMAP-V-06"];

        var accused = Accused(GuestCampaign.Believed(All(Verdict.Fail), All(Verdict.Pass)));

        Assert.Equal(histories.Select(clause => $"IOMMU-{clause}"), Rules.Select(rule => rule.Clauses[0]).Except(accused).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_they_have_seen_until_then_is_believed() =>
        Assert.Contains("IOMMU-UNMAP-V-02", Accused(GuestCampaign.Believed(All(Verdict.Pass), All(Verdict.Fail))));

    [Fact]
    public void Where_no_lie_leaves_it_open_all_rules_accuse() => Assert.Equal(Rules.Count, Accused(GuestCampaign.Believed(All(Verdict.Fail), null)).Count);

    private static IReadOnlyList<CheckResult> All(Verdict verdict) => [.. Rules.Select(rule => new CheckResult(rule, verdict, "", "", [], 0) { Observed = verdict })];

    private static List<string> Accused(IEnumerable<CheckResult> results) => [.. results.Where(result => result.Verdict == Verdict.Fail).Select(result => result.Check.Clauses[0])];
}
