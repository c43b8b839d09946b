using System.Reflection;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Running;

namespace Viommu.Conformance.Tests.Catalogue;

/// <summary>What tells virtio 1.2, 1.3 and 1.4 apart.</summary>
public sealed class SpecLevelTests
{
    private static readonly ClauseCatalogue Clauses = ClauseCatalogue.Load();

    [Fact]
    public void Suspend_came_with_1_4_and_bits_that_cannot_be_honoured_with_1_3()
    {
        Assert.Equal(16, Clauses.Clauses.Count(c => c.Since == SpecVersion.V1_4));
        Assert.All(Clauses.Clauses.Where(c => c.Since == SpecVersion.V1_4), c => Assert.StartsWith("CORE-SUSPEND-", c.Id, StringComparison.Ordinal));
        Assert.Equal(
            [
                "CORE-FEAT-D-04", "CORE-FEAT-V-03", "CORE-FEAT-V-04", "CORE-FEAT-V-05", "CORE-FEAT-V-08",
                "PCI-DOORBELL-V-01", "PCI-DOORBELL-V-02", "PCI-DOORBELL-V-03", "PCI-DOORBELL-V-04",
            ],
            Clauses.Clauses.Where(c => c.Since == SpecVersion.V1_3).Select(c => c.Id).Order());
    }

    [Fact]
    public void The_chapter_of_the_IOMMU_is_the_same_in_all_versions() =>
        Assert.All(Clauses.Clauses.Where(c => c.Family == "IOMMU"), c => Assert.Equal((SpecVersion.V1_2, ""), (c.Since, c.Before)));

    [Fact]
    public void Every_row_dates_a_clause_and_no_clause_is_dated_twice()
    {
        Assert.Empty(SpecLevels.Load().Problems(Clauses.Clauses));
        var wrong = new SpecLevels([["CORE-NONE-*", "1.3", "-"], ["CORE-SHM-D-01", "1.3", "-"], ["CORE-SHM-*", "1.4", "-"]], []);
        Assert.Equal(["CORE-NONE-* names no clause", "CORE-SHM-D-01 is dated twice"], wrong.Problems(Clauses.Clauses));
    }

    [Fact]
    public void A_version_that_does_not_exist_is_named() =>
        Assert.Contains("no virtio 1.5", Assert.Throws<InvalidDataException>(() => new SpecLevels([["CORE-SHM-D-01", "1.5", "-"]], [])).Message, StringComparison.Ordinal);

    [Fact]
    public void Registers_have_the_names_of_the_version()
    {
        Assert.Equal("QueueSize does not exceed QueueSizeMax.", Text(SpecVersion.V1_3, "MMIO-REG-V-14"));
        Assert.Equal("QueueNum does not exceed QueueNumMax.", Text(SpecVersion.V1_2, "MMIO-REG-V-14"));
        Assert.Contains("queue_notify_data", Text(SpecVersion.V1_2, "PCI-DOORBELL-V-05"), StringComparison.Ordinal);
        Assert.Contains("queue_notif_config_data", Text(SpecVersion.V1_4, "PCI-DOORBELL-V-05"), StringComparison.Ordinal);
    }

    [Fact]
    public void No_check_judges_clauses_of_different_versions() =>
        Assert.All(CheckRegistry.Find(Assembly.GetAssembly(typeof(Check))!, Clauses), check =>
            Assert.Single(check.Clauses.Select(id => Clauses.TryGet(id, out var clause) ? clause.Since : SpecVersion.V1_2).Distinct()));

    [Fact]
    public void A_check_of_a_later_version_is_not_applicable_and_does_not_run()
    {
        var suspend = FakeChecks.Make("CORE-SUSPEND-D-01.waits-for-driver-ok", Level.Must);
        var plan = Selection.Everything.Plan([FakeChecks.All[0], suspend], Clauses, SpecVersion.V1_3);
        Assert.Equal((null, Verdict.Skip), (plan[0].LeftOut, plan[0].LeftOutAs));
        Assert.Equal(("new in virtio 1.4", Verdict.NotApplicable), (plan[1].LeftOut, plan[1].LeftOutAs));
        Assert.All(Selection.Everything.Plan([FakeChecks.All[0], suspend], Clauses, SpecVersion.V1_4), p => Assert.Null(p.LeftOut));
    }

    [Fact]
    public void A_clause_of_a_later_version_is_not_applicable_whether_it_has_a_check_or_not()
    {
        var clauses = new ClauseVerdicts(Clauses, NotTested.Load(), spec: SpecVersion.V1_2).Of([]);
        Assert.Equal((Verdict.NotApplicable, "new in virtio 1.4"), Said("CORE-SUSPEND-D-01"));
        Assert.Equal((Verdict.NotApplicable, "new in virtio 1.3"), Said("CORE-FEAT-V-03"));
        Assert.Equal(Verdict.NotTested, Said("CORE-FEAT-V-01").Verdict);

        (Verdict Verdict, string Reason) Said(string id) => clauses.Where(c => c.Clause.Id == id).Select(c => (c.Verdict, c.Reason)).Single();
    }

    [Fact]
    public void A_run_is_judged_by_every_version_up_to_its_own()
    {
        var broken = FakeChecks.Make("CORE-SUSPEND-D-01.waits-for-driver-ok", Level.Must);
        CheckResult[] results = [new(broken, Verdict.Fail, "", "", [], 0) { Observed = Verdict.Fail }];
        var run = new RunSnapshot(new("model", "1"), 0, 1, false, results, new ClauseVerdicts(Clauses, NotTested.Load()).Of(results), [], Over: true);

        var diff = new SpecDiff(run);
        Assert.Equal(SpecVersions.All, diff.Versions);
        var changing = Assert.Single(diff.Changing);
        Assert.Equal("CORE-SUSPEND-D-01", changing.Clause.Id);
        Assert.Equal([Verdict.NotApplicable, Verdict.NotApplicable, Verdict.Fail], diff.Versions.Select(v => SpecDiff.By(v, changing)));
        Assert.Contains(diff.Counts(SpecVersion.V1_4), c => c == (Verdict.Fail, 1));
        Assert.DoesNotContain(diff.Counts(SpecVersion.V1_3), c => c.Verdict == Verdict.Fail);
    }

    private static string Text(SpecVersion version, string id) => Clauses.At(version).TryGet(id, out var clause) ? clause.Paraphrase : "";
}
