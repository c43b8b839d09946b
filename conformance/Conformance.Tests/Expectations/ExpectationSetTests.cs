using Viommu.Conformance.Expectations;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Running;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Tests.Expectations;

public sealed class ExpectationSetTests
{
    private static readonly DateOnly Today = new(2026, 1, 15);

    [Theory]
    [InlineData(Verdict.Fail, Verdict.ExpectedFailure, 0)]
    [InlineData(Verdict.Pass, Verdict.UnexpectedPass, 1)]
    [InlineData(Verdict.Crash, Verdict.Crash, 1)]
    [InlineData(Verdict.Error, Verdict.Error, 2)]
    [InlineData(Verdict.NotApplicable, Verdict.NotApplicable, 0)]
    public void What_was_expected_is_XFAIL_a_pass_is_XPASS_and_anything_else_stays(Verdict seen, Verdict said, int exit)
    {
        var run = Run(Entry(FakeChecks.Attach, "FAIL"), seen);
        Assert.Equal((said, seen), (run.Of(FakeChecks.Attach).Verdict, run.Of(FakeChecks.Attach).Observed));
        Assert.Equal(exit, run.ExitCode);
    }

    [Fact]
    public void An_expected_NA_stays_NA_and_is_red_once_it_passes()
    {
        Assert.Equal(Verdict.NotApplicable, Run(Entry(FakeChecks.Attach, "N/A"), Verdict.NotApplicable).Of(FakeChecks.Attach).Verdict);
        Assert.Equal(Verdict.UnexpectedPass, Run(Entry(FakeChecks.Attach, "N/A"), Verdict.Pass).Of(FakeChecks.Attach).Verdict);
    }

    [Theory]
    [InlineData("status OK", Verdict.ExpectedFailure)]
    [InlineData("status RANGE", Verdict.Fail)]
    public void A_pinned_text_has_to_be_in_the_failure(string actual, Verdict said) =>
        Assert.Equal(said, Run(Entry(FakeChecks.Attach, "FAIL", $"actual: {actual}"), Verdict.Fail).Of(FakeChecks.Attach).Verdict);

    [Theory]
    [InlineData("target: mod*", Verdict.ExpectedFailure)]
    [InlineData("target: qemu", Verdict.Fail)]
    [InlineData("version: '>=1.2 <1.3'", Verdict.ExpectedFailure)]
    [InlineData("version: '<1'", Verdict.Fail)]
    [InlineData("configuration: 'pci*'", Verdict.ExpectedFailure)]
    [InlineData("configuration: '!*packed*'", Verdict.ExpectedFailure)]
    [InlineData("configuration: '*packed'", Verdict.Fail)]
    [InlineData("configuration: '!pci, split'", Verdict.Fail)]
    [InlineData("feature: PROBE", Verdict.ExpectedFailure)]
    [InlineData("feature: '!BYPASS'", Verdict.ExpectedFailure)]
    [InlineData("feature: 'map_unmap version_1 !bit50'", Verdict.ExpectedFailure)]
    [InlineData("feature: BYPASS", Verdict.Fail)]
    [InlineData("feature: '!PROBE'", Verdict.Fail)]
    [InlineData("feature: 'PROBE !MAP_UNMAP'", Verdict.Fail)]
    public void An_entry_for_other_targets_says_nothing_and_is_not_stale(string condition, Verdict said)
    {
        var run = Run(Entry(FakeChecks.Attach, "FAIL", condition), Verdict.Fail);
        Assert.Equal(said, run.Of(FakeChecks.Attach).Verdict);
        Assert.Empty(run.Complaints);
    }

    [Theory]
    [InlineData("2026-01-15", Verdict.ExpectedFailure, 0)]
    [InlineData("2026-01-14", Verdict.Fail, 1)]
    public void An_entry_holds_through_its_last_day_and_is_red_afterwards(string day, Verdict said, int complaints)
    {
        var run = Run(Entry(FakeChecks.Attach, "FAIL", $"expires: {day}"), Verdict.Fail);
        Assert.Equal((said, complaints), (run.Of(FakeChecks.Attach).Verdict, run.Complaints.Count));
    }

    [Fact]
    public void An_expired_entry_is_red_even_where_everything_passes()
    {
        var run = Run(Entry(FakeChecks.Attach, "FAIL", "expires: 2026-01-14"), Verdict.Pass);
        Assert.Equal(["known.yaml:1: 'IOMMU-ATTACH-D-01.reserved-is-refused' expired on 2026-01-14"], run.Complaints);
        Assert.Equal(ExitCode.Findings, run.ExitCode);
    }

    [Theory]
    [InlineData("")]
    [InlineData("target: qemu")]
    public void An_entry_that_matches_no_check_is_red_on_every_target(string condition)
    {
        var run = Run(Entry("IOMMU-ATACH-*", "FAIL", condition), Verdict.Pass);
        Assert.Equal(["known.yaml:1: 'IOMMU-ATACH-*' matches no check"], run.Complaints);
        Assert.Equal(ExitCode.Findings, run.ExitCode);
    }

    [Theory]
    [InlineData("model", 1)]
    [InlineData("qemu", 0)]
    public void Where_ids_are_those_of_what_was_found_an_entry_for_another_target_is_not_stale(string target, int complaints) =>
        Assert.Equal(complaints, Set(Entry("DESC-IOMMU-13.random-*", "FAIL", "target: model")).Complaints([FakeChecks.Attach], (new TargetIdentity(target, "1"), 0)).Count);

    [Fact]
    public void An_entry_for_a_check_that_was_left_out_is_not_stale()
    {
        var run = ScriptedRun.Of(new ScriptedSession(), Set(Entry(FakeChecks.Attach, "FAIL")), new([new("IOMMU-MAP-*")], [], Conformance.Catalogue.Level.May));
        Assert.Empty(run.Complaints);
        Assert.Equal(ExitCode.AsExpected, run.ExitCode);
    }

    [Fact]
    public void Any_of_several_entries_can_foretell_a_failure() =>
        Assert.Equal(Verdict.ExpectedFailure, Run(Entry("IOMMU-*", "CRASH") + Entry(FakeChecks.Attach, "FAIL"), Verdict.Fail).Of(FakeChecks.Attach).Verdict);

    [Fact]
    public void An_expected_failure_tells_reason_and_url_in_its_evidence() =>
        Assert.Contains("because (https://example.org/1)", Run(Entry(FakeChecks.Attach, "FAIL"), Verdict.Fail).Of(FakeChecks.Attach).Evidence[^1], StringComparison.Ordinal);

    internal static string Entry(string check, string verdict, string more = "") =>
        $"- check: {check}\n  verdict: {verdict}\n  reason: because\n  url: https://example.org/1\n{(more.Length > 0 ? $"  {more}\n" : "")}";

    internal static ExpectationSet Set(string yaml) => new(ExpectationFile.Parse("known.yaml", yaml), Today);

    private static RunSnapshot Run(string yaml, Verdict attach) => ScriptedRun.Of(new ScriptedSession { Target = new("model", "1.2.3", "pci, split") }.On(FakeChecks.Attach, attach), Set(yaml));
}
