using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Comparing;
using Viommu.Conformance.Recorded;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Reports;

namespace Viommu.Conformance.Tests.Comparing;

public sealed class ComparisonTests
{
    [Theory]
    [InlineData("PASS", "PASS", "SAME")]
    [InlineData("FAIL", "FAIL", "SAME")]
    [InlineData("N/A", "SKIP", "SAME")]
    [InlineData("PASS", "FAIL", "BROKEN")]
    [InlineData("PASS", "WARN", "BROKEN")]
    [InlineData("N/A", "CRASH", "BROKEN")]
    [InlineData("MISSING", "FAIL", "BROKEN")]
    [InlineData("FAIL", "CRASH", "WORSE")]
    [InlineData("PASS", "ERROR", "LOST")]
    [InlineData("FAIL", "MISSING", "LOST")]
    [InlineData("ERROR", "MISSING", "SAME")]
    [InlineData("FAIL", "PASS", "FIXED")]
    [InlineData("CRASH", "FAIL", "BETTER")]
    [InlineData("TIMEOUT", "WARN", "BETTER")]
    [InlineData("PASS", "N/A", "NOT-JUDGED")]
    [InlineData("FAIL", "SKIP", "NOT-JUDGED")]
    [InlineData("N/A", "PASS", "JUDGED")]
    public void A_change_is_named_by_what_it_means_for_the_device(string before, string after, string change)
    {
        var comparison = new Comparison([Run("1", Check(before)), Run("2", Check(after))]);
        Assert.Equal(change, Assert.Single(comparison.Checks).Change.Name());
        Assert.Equal(change is "BROKEN" or "WORSE" or "LOST", comparison.HasRegression);
    }

    [Fact]
    public void A_check_that_only_one_run_has_is_new_or_gone_and_no_regression()
    {
        var comparison = new Comparison([Run("1", Check("FAIL", "A.old")), Run("2", Check("FAIL", "A.new"))]);
        Assert.Equal(["NEW", "GONE"], comparison.Changed.Select(c => c.Change.Name()));
        Assert.False(comparison.HasRegression);
        Assert.Equal(["A.old", "A.new"], comparison.Differing.Select(c => c.Id));
    }

    [Fact]
    public void What_an_expectations_file_makes_of_a_verdict_does_not_count()
    {
        var known = Check("XFAIL") with { Observed = Verdict.Fail };
        Assert.Empty(new Comparison([Run("1", Check("FAIL")), Run("2", known)]).Changed);
        Assert.Equal(Change.Fixed, new Comparison([Run("1", known), Run("2", Check("XPASS") with { Observed = Verdict.Pass })]).Changed[0].Change);
    }

    [Fact]
    public void Changes_are_those_from_the_first_run_to_the_last_with_the_worst_at_the_top()
    {
        var comparison = new Comparison([
            Run("1", Check("FAIL", "A.a"), Check("PASS", "A.b"), Check("PASS", "A.c")),
            Run("2", Check("PASS", "A.a"), Check("FAIL", "A.b"), Check("FAIL", "A.c")),
            Run("3", Check("PASS", "A.a"), Check("FAIL", "A.b"), Check("PASS", "A.c")),
        ]);
        Assert.Equal([("A.b", Change.Broken), ("A.a", Change.Fixed)], comparison.Changed.Select(c => (c.Id, c.Change)));
        Assert.Equal(["A.a", "A.b", "A.c"], comparison.Differing.Select(c => c.Id));
        Assert.Equal([(Change.Broken, 1), (Change.Fixed, 1)], comparison.Counts);
    }

    [Fact]
    public void Runs_that_are_hard_to_compare_say_why()
    {
        var run = Run("1", Check("PASS"));
        Assert.Empty(new Comparison([run, run]).Caveats());
        var caveats = new Comparison([run, run with { Name = "2", Spec = SpecVersion.V1_2, Tool = "9", Over = false }]).Caveats().ToList();
        Assert.Equal(3, caveats.Count);
        Assert.Contains("2 was not over", caveats[2], StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_in_this_process_compares_equal_with_itself_read_back() =>
        Assert.Empty(new Comparison([RecordedRun.Of("live", Samples.Mixed), Samples.Recorded("read", Samples.Mixed)]).Changed);

    private static RecordedRun Run(string name, params RecordedCheck[] checks) =>
        new(name, "1", SpecVersions.Latest, new("device", "1"), [], 1, false, true, checks, [], []);

    private static RecordedCheck Check(string verdict, string id = "A.a") =>
        new(id, ["A"], Level.Must, VerdictNames.Parse(verdict)!.Value, "", "", [], 0) { Observed = VerdictNames.Parse(verdict)!.Value };
}
