using System.Text.Json;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Running;

namespace Viommu.Conformance.Tests.Program;

/// <summary><c>conformance compare</c>, on runs that this program made.</summary>
public sealed class CompareCommandTests
{
    [Fact]
    public void A_run_that_got_worse_is_told_and_fails_only_where_that_was_asked_for()
    {
        using var cli = new CliRun { Width = 200 };
        var (before, after) = TwoRuns(cli);
        Assert.Equal(0, cli.Run("compare", before, after));
        Assert.Contains($"BROKEN      {FakeChecks.Attach}: PASS -> FAIL", cli.Output, StringComparison.Ordinal);
        Assert.Contains($"FIXED       {FakeChecks.Map}: WARN -> PASS", cli.Output, StringComparison.Ordinal);
        Assert.Contains("1 BROKEN, 1 FIXED: exit 0", cli.Output, StringComparison.Ordinal);
        Assert.Equal(1, cli.Run("compare", "--fail-on-regression", before, after));
        Assert.Equal(0, cli.Run("compare", "--fail-on-regression", before, before));
        Assert.Contains("no change: exit 0", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_reports_of_a_comparison_tell_the_same_to_programs_and_people()
    {
        using var cli = new CliRun { Width = 200 };
        var (before, after) = TwoRuns(cli);
        cli.Run("compare", before, after, before);
        var json = JsonDocument.Parse(cli.Report("comparison.json")).RootElement;
        Assert.False(json.GetProperty("regression").GetBoolean());
        Assert.Equal(3, json.GetProperty("runs").GetArrayLength());
        var check = json.GetProperty("checks").EnumerateArray().Single(c => c.GetProperty("id").GetString() == FakeChecks.Attach);
        Assert.Equal(["PASS", "FAIL", "PASS"], check.GetProperty("verdicts").EnumerateArray().Select(v => v.GetString()));
        Assert.Contains($"| {FakeChecks.Map} | WARN | PASS | WARN |", cli.Report("summary.md"), StringComparison.Ordinal);
        var page = cli.Report("index.html");
        Assert.Contains("Nothing changed", page, StringComparison.Ordinal);
        Assert.Contains("../before/index.html#IOMMU-ATTACH-D-01", page, StringComparison.Ordinal);
        Assert.Contains("Verdicts that differ", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_other_people_s_results_say_is_shown_and_not_obeyed()
    {
        using var cli = new CliRun { Width = 200 };
        var (before, _) = TwoRuns(cli);
        var file = cli.Write("nasty.json", File.ReadAllText(Path.Combine(before, "results.json"))
            .Replace(FakeChecks.Attach, JsonEncodedText.Encode("<script>alert(1)</script>\u001b[2J|x").ToString(), StringComparison.Ordinal));
        Assert.Equal(0, cli.Run("compare", before, file));
        Assert.DoesNotContain("<script>alert", cli.Report("index.html"), StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', cli.Output);
        Assert.Contains("\\<script\\>", cli.Report("summary.md"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_broken_results_file_and_a_single_run_exit_3_with_one_line()
    {
        using var cli = new CliRun();
        var (before, _) = TwoRuns(cli);
        var broken = cli.Write("broken.json", "{\n\"schema\": 1,");
        Assert.Equal(3, cli.Run("compare", before, broken));
        Assert.StartsWith($"conformance: {broken}:2: not JSON", Assert.Single(cli.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Equal(3, cli.Run("compare", before));
        Assert.Contains("at least two runs", cli.Error, StringComparison.Ordinal);
    }

    /// <summary>Two report folders: in the second one check broke and another was fixed.</summary>
    private static (string Before, string After) TwoRuns(CliRun cli)
    {
        cli.Session.On(FakeChecks.Map, Verdict.Warn);
        cli.Invoke("run", "--report", cli.PathOf("before"));
        cli.Session.On(FakeChecks.Map, Verdict.Pass).On(FakeChecks.Attach, Verdict.Fail);
        cli.Invoke("run", "--report", cli.PathOf("after"));
        return (cli.PathOf("before"), cli.PathOf("after"));
    }
}
