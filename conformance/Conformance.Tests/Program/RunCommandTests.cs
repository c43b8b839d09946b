using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Running;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Tests.Program;

public sealed class RunCommandTests
{
    [Theory]
    [InlineData("run", "--timeout")]
    [InlineData("run", "--jobs")]
    [InlineData("run", "--retries")]
    [InlineData("run", "--budget")]
    [InlineData("run", "--max-failures")]
    [InlineData("clauses", "--require-coverage")]
    [InlineData("replay", "--timeout")]
    public void A_word_where_a_number_belongs_is_a_mistake_of_the_user(string verb, string option)
    {
        using var cli = new CliRun();
        Assert.Equal(ExitCode.Usage, cli.Invoke(verb, option, "many"));
        Assert.Contains($"'many' for option '{option}'", Assert.Single(cli.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_without_findings_exits_0_and_leaves_its_reports()
    {
        using var cli = new CliRun();
        Assert.Equal(0, cli.Run());
        Assert.Equal("", cli.Error);
        Assert.Equal(FakeChecks.All.Select(c => c.Id), cli.Session.Ran);
        Assert.True(cli.Session.IsDisposed);
        Assert.Equal(["index.html", "junit.xml", "results.json", "results.sarif", "summary.md"], Directory.GetFiles(cli.ReportFolder).Select(Path.GetFileName).Order());
        Assert.Contains("as expected: exit 0", cli.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Verdict.Fail, 1)]
    [InlineData(Verdict.Crash, 1)]
    [InlineData(Verdict.Timeout, 1)]
    [InlineData(Verdict.Error, 2)]
    [InlineData(Verdict.Warn, 0)]
    [InlineData(Verdict.NotApplicable, 0)]
    public void The_exit_code_follows_the_worst_verdict(Verdict verdict, int exit)
    {
        using var cli = new CliRun { Session = new ScriptedSession().On(FakeChecks.Map, verdict) };
        Assert.Equal(exit, cli.Run());
    }

    [Fact]
    public void A_broken_SHOULD_fails_a_strict_run()
    {
        using var cli = new CliRun { Session = new ScriptedSession().On(FakeChecks.Map, Verdict.Warn) };
        Assert.Equal(1, cli.Run("--strict"));
    }

    [Fact]
    public void A_broken_SHOULD_that_isolation_hangs_on_fails_a_run_that_is_strict_on_security()
    {
        var isolation = FakeChecks.Make("IOMMU-UNMAP-D-06.nothing-is-removed", Conformance.Catalogue.Level.Should) with { IsSecurityRelevant = true };
        using var cli = new CliRun { Width = 200, Checks = [.. FakeChecks.All, isolation], Session = new ScriptedSession().On(FakeChecks.Map, Verdict.Warn) };
        Assert.Equal(0, cli.Run("--strict-security"));
        cli.Session.On(isolation.Id, Verdict.Warn);
        Assert.Equal(0, cli.Run());
        Assert.Equal(1, cli.Run("--strict-security"));
        Assert.Contains("1 WARN: exit 1", cli.Output, StringComparison.Ordinal);
        Assert.Contains("IOMMU-UNMAP-D-06 SHOULD NOT (security): ", cli.Output, StringComparison.Ordinal);
        Assert.Contains("failures=\"1\"", cli.Report("junit.xml"), StringComparison.Ordinal);
        Assert.Contains("fail the run where isolation hangs on them", cli.Report("index.html"), StringComparison.Ordinal);
    }

    [Fact]
    public void Findings_weigh_more_than_harness_errors()
    {
        using var cli = new CliRun { Session = new ScriptedSession().On(FakeChecks.Map, Verdict.Error).On(FakeChecks.Attach, Verdict.Fail) };
        Assert.Equal(1, cli.Run("run"));
    }

    [Fact]
    public void A_failure_shows_clause_expectation_answer_and_exchange_within_80_columns()
    {
        using var cli = new CliRun
        {
            Session = new ScriptedSession { Target = new("model", "1.0\u001b[2J") }.On(FakeChecks.Attach, Verdict.Fail, "status INVAL (4), used length 4",
                "status OK (0), used length 4 [not markup] \u001b[31mred", "ATTACH domain=1 endpoint=0x8 reserved=01000000", "01 00 00 00"),
        };
        Assert.Equal(1, cli.Run());
        foreach (var part in (string[])["FAIL    IOMMU-ATTACH-D-01  reserved is refused", FakeChecks.Attach, "IOMMU-ATTACH-D-01 MUST", "IOMMU-ATTACH-D-02 MUST",
            "description.tex:359", "status INVAL (4), used length 4", "[not markup] \\x1b[31mred", "reserved=01000000", "1 FAIL: exit 1"])
            Assert.Contains(part, cli.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', cli.Output);
        Assert.All(cli.Output.Split('\n'), line => Assert.InRange(line.Length, 0, 80));
    }

    [Fact]
    public void Sections_come_in_the_order_of_the_spec()
    {
        using var cli = new CliRun();
        cli.Run();
        int[] at = [.. ((string[])["Device Status Field", "ATTACH request", "MAP request", "UNMAP request"])
            .Select(title => cli.Output.IndexOf(title, StringComparison.Ordinal))];
        Assert.DoesNotContain(-1, at);
        Assert.Equal(at.Order(), at);
    }

    [Fact]
    public void Only_and_skip_and_level_choose_by_check_and_clause_id()
    {
        using var cli = new CliRun();
        Assert.Equal(0, cli.Run("--only", "iommu-*", "--skip", "*.off-the-grid*", "--level", "should"));
        Assert.Equal([FakeChecks.Attach, FakeChecks.MapAgain], cli.Session.Ran);
        Assert.Contains("\"SKIP\": 3", cli.Report("results.json"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_clause_id_selects_the_checks_that_judge_it_beside_their_own()
    {
        using var cli = new CliRun();
        Assert.Equal(0, cli.Run("--only", "IOMMU-ATTACH-D-02"));
        Assert.Equal([FakeChecks.Attach], cli.Session.Ran);
    }

    [Fact]
    public void Nothing_selected_exits_2_with_one_line()
    {
        using var cli = new CliRun();
        Assert.Equal(2, cli.Run("--only", "IOMMU-MAPS-*"));
        Assert.Contains("no check is selected", Assert.Single(Lines(cli.Error)), StringComparison.Ordinal);
        Assert.False(Directory.Exists(cli.ReportFolder));
    }

    [Fact]
    public void List_shows_the_plan_and_runs_nothing()
    {
        using var cli = new CliRun();
        Assert.Equal(0, cli.Run("--list", "--only", "IOMMU-MAP-*"));
        Assert.Equal([$"SHOULD  {FakeChecks.Map}", $"SHOULD  {FakeChecks.MapAgain}", "2 of 5 checks"], Lines(cli.Output));
        Assert.Empty(cli.Session.Ran);
    }

    [Fact]
    public void The_seed_and_the_deadline_reach_the_session_and_the_seed_is_printed()
    {
        using var cli = new CliRun();
        Assert.Equal(0, cli.Run("--seed", "0xffffffffffffffff", "--timeout", "2.5"));
        Assert.Equal(new CheckSessionOptions(TimeSpan.FromSeconds(2.5), ulong.MaxValue), cli.Opened);
        Assert.Contains("seed      18446744073709551615", cli.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--target", "qemu9")]
    [InlineData("--target", "qemu:")]
    [InlineData("--timeout", "-1")]
    [InlineData("--timeout", "0")]
    [InlineData("--timeout", "NaN")]
    [InlineData("--budget", "1e99")]
    [InlineData("--seed", "-1")]
    [InlineData("--level", "shall")]
    [InlineData("--expect", "/nowhere/known.yaml")]
    [InlineData("--update-expectations", "/nowhere/known.yaml")]
    [InlineData("--only")]
    [InlineData("--fast")]
    [InlineData("rnu")]
    public void A_command_line_that_makes_no_sense_exits_3_with_one_line(params string[] args)
    {
        using var cli = new CliRun();
        Assert.Equal(3, cli.Invoke(args));
        Assert.StartsWith("conformance: ", Assert.Single(Lines(cli.Error)), StringComparison.Ordinal);
        Assert.Empty(cli.Session.Ran);
    }

    [Fact]
    public void A_malformed_expectations_file_exits_3_naming_file_and_line()
    {
        using var cli = new CliRun();
        var file = cli.Write("known.yaml", "- check: X\n  verdikt: FAIL\n");
        Assert.Equal(3, cli.Run("--expect", file));
        Assert.Contains($"{file}:2: unknown key 'verdikt'", Assert.Single(Lines(cli.Error)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_target_that_cannot_be_had_exits_2_with_one_line()
    {
        using var cli = new CliRun { ParseTarget = _ => throw new TargetUnavailableException("no qemu-system-x86_64 on PATH:\ninstall it") };
        Assert.Equal(2, cli.Run());
        Assert.Equal("conformance: no qemu-system-x86_64 on PATH: install it", Assert.Single(Lines(cli.Error)));
    }

    [Fact]
    public void A_report_folder_that_cannot_be_written_exits_2_before_the_run()
    {
        using var cli = new CliRun();
        Assert.Equal(2, cli.Invoke("--report", Path.Combine(cli.Write("file", ""), "reports")));
        Assert.Contains("cannot write the report", Assert.Single(Lines(cli.Error)), StringComparison.Ordinal);
        Assert.Empty(cli.Session.Ran);
    }

    [Fact]
    public void A_fault_of_the_program_itself_is_one_line_too()
    {
        using var cli = new CliRun { ParseTarget = _ => throw new InvalidOperationException("a bug\nof two lines") };
        Assert.Equal(2, cli.Run());
        Assert.Contains("internal error", Assert.Single(Lines(cli.Error)), StringComparison.Ordinal);
    }

    [Fact]
    public void An_interrupt_keeps_results_and_exits_2()
    {
        using var interrupt = new CancellationTokenSource();
        using var cli = new CliRun { Interrupted = interrupt.Token };
        cli.Session.On(FakeChecks.Attach, () =>
        {
            interrupt.Cancel();
            throw new OperationCanceledException(interrupt.Token);
        });
        Assert.Equal(2, cli.Run());
        Assert.Contains("4 checks have no result: the run was interrupted", cli.Output, StringComparison.Ordinal);
        Assert.Contains("\"MISSING\": 4", cli.Report("results.json"), StringComparison.Ordinal);
        Assert.True(cli.Session.IsDisposed);
    }

    [Fact]
    public void Known_failures_are_green_until_they_pass()
    {
        using var cli = new CliRun { Session = new ScriptedSession().On(FakeChecks.Attach, Verdict.Fail) };
        var file = cli.PathOf("known.yaml");
        Assert.Equal(1, cli.Run("--update-expectations", file));
        Assert.Equal(0, cli.Run("--expect", file));
        Assert.Contains("XFAIL", cli.Output, StringComparison.Ordinal);
        cli.Session.On(FakeChecks.Attach, Verdict.Pass);
        Assert.Equal(1, cli.Run("--expect", file));
        Assert.Contains("XPASS", cli.Output, StringComparison.Ordinal);
        Assert.Equal(1, cli.Run("--update-expectations", file));
        Assert.Equal(0, cli.Run("--expect", file));
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
