using System.Text.Json;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Running;

namespace Viommu.Conformance.Tests.Program;

/// <summary><c>conformance clauses</c>: from every clause to what stands behind its verdict.</summary>
public sealed class ClausesCommandTests
{
    [Fact]
    public void Only_and_role_choose_clauses()
    {
        using var cli = new CliRun { Width = 200 };
        Assert.Equal(0, cli.Invoke("clauses", "--only", "IOMMU-MAP-*", "--only", "IOMMU-UNMAP-*", "--role", "driver"));
        Assert.Contains("IOMMU-MAP-V-01", cli.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("-D-0", cli.Output, StringComparison.Ordinal);
        Assert.Equal(2, cli.Invoke("clauses", "--only", "NONE-*"));
        Assert.Contains("no clause is selected", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_clause_leads_to_its_checks_the_devices_that_prove_them_and_the_verdicts_of_runs()
    {
        using var cli = new CliRun { Width = 250, Session = new ScriptedSession().On(FakeChecks.Attach, Verdict.Fail) };
        cli.Run();
        Assert.Equal(0, cli.Invoke("clauses", "--only", "IOMMU-ATTACH-D-01", "--verdicts", cli.ReportFolder));
        Assert.Contains(FakeChecks.Attach, cli.Output, StringComparison.Ordinal);
        Assert.Matches(@"red on +a device that ignores the reserved bytes of ATTACH", cli.Output);
        Assert.Matches(@"FAIL +model 1\.2\.3\n", cli.Output);
        Assert.Equal(0, cli.Invoke("clauses", "--only", "IOMMU-ATTACH-D-01", "--verdicts", cli.ReportFolder, "--verdicts", cli.ReportFolder));
        Assert.Contains($"model 1.2.3 in {cli.ReportFolder}; model 1.2.3 in {cli.ReportFolder}", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_SHOULD_that_isolation_hangs_on_is_marked()
    {
        using var cli = new CliRun { Width = 200 };
        cli.Invoke("clauses");
        foreach (var id in (string[])["IOMMU-OPS-D-06", "IOMMU-MAP-D-02", "IOMMU-UNMAP-D-06"])
            Assert.Matches($@"{id} +SHOULD( NOT)? \(security\)", cli.Output);
        Assert.Equal(3, cli.Output.Split("(security)").Length - 1);
    }

    [Theory]
    [InlineData(100, 0, "IOMMU-ATTACH-D-01")]
    [InlineData(50, 0, "IOMMU-ATTACH-D-0[12]")]
    [InlineData(0, 0, "*")]
    [InlineData(90.5, 1, "*")]
    public void Coverage_below_the_threshold_exits_1(double percent, int exit, string only)
    {
        using var cli = new CliRun { Width = 200 };
        string[] chosen = only.Contains('[', StringComparison.Ordinal) ? ["--only", "IOMMU-ATTACH-D-01", "--only", "IOMMU-ATTACH-D-02"] : ["--only", only];
        Assert.Equal(exit, cli.Invoke(["clauses", .. chosen, "--require-coverage", FormattableString.Invariant($"{percent}")]));
        Assert.Equal(exit == 1, cli.Error.Contains("90.5 % are required", StringComparison.Ordinal));
    }

    [Fact]
    public void By_runs_a_clause_is_covered_where_one_of_them_has_judged_it()
    {
        using var cli = new CliRun { Width = 200, Session = new ScriptedSession().On(FakeChecks.Map, Verdict.NotApplicable).On(FakeChecks.MapAgain, Verdict.NotApplicable) };
        cli.Run();
        Assert.Equal(0, cli.Invoke("clauses", "--only", "IOMMU-MAP-D-01", "--require-coverage", "100"));
        Assert.Equal(1, cli.Invoke("clauses", "--only", "IOMMU-MAP-D-01", "--require-coverage", "100", "--verdicts", cli.ReportFolder));
        Assert.Contains("coverage by these runs: 0 of 1 observable clauses: 0.0 %", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_version_has_not_got_is_not_missing_from_its_coverage()
    {
        using var cli = new CliRun { Width = 200 };
        Assert.Equal(1, cli.Invoke("clauses", "--only", "CORE-SUSPEND-*", "--require-coverage", "1"));
        Assert.Equal(0, cli.Invoke("clauses", "--only", "CORE-SUSPEND-*", "--require-coverage", "1", "--spec", "1.3"));
        Assert.Contains("new in virtio 1.4", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Programs_get_the_same_as_JSON()
    {
        using var cli = new CliRun { Session = new ScriptedSession().On(FakeChecks.Attach, Verdict.Fail) };
        cli.Run();
        Assert.Equal(0, cli.Invoke("clauses", "--json", "--only", "IOMMU-ATTACH-D-01", "--verdicts", cli.ReportFolder));
        var clause = JsonDocument.Parse(cli.Output).RootElement.GetProperty("clauses").EnumerateArray().Single();
        Assert.Equal("MUST", clause.GetProperty("keyword").GetString());
        Assert.Equal(FakeChecks.Attach, clause.GetProperty("checks")[0].GetProperty("id").GetString());
        Assert.NotEqual(0, clause.GetProperty("checks")[0].GetProperty("proofs").GetArrayLength());
        Assert.Equal("FAIL", clause.GetProperty("verdicts")[0].GetProperty("verdict").GetString());
    }

    [Fact]
    public void A_percentage_that_is_none_exits_3()
    {
        using var cli = new CliRun();
        Assert.Equal(3, cli.Invoke("clauses", "--require-coverage", "101"));
        Assert.Equal(3, cli.Invoke("clauses", "--require-coverage", "NaN"));
    }
}
