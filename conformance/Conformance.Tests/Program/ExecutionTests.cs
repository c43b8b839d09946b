using System.Text.Json;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Running;

namespace Viommu.Conformance.Tests.Program;

/// <summary>The options of <c>conformance run</c> that say what is run and how.</summary>
public sealed class ExecutionTests
{
    [Fact]
    public void A_file_lists_what_is_run_and_what_is_left_out()
    {
        using var cli = new CliRun();
        var only = cli.Write("only.txt", "# the requests\nIOMMU-MAP-*\n\nIOMMU-ATTACH-D-02   # by a clause\n");
        var skip = cli.Write("skip.txt", "*.end-off-the-grid*\r\n");
        Assert.Equal(0, cli.Run("--only", $"@{only}", "--skip", $"@{skip}"));
        Assert.Equal([FakeChecks.Attach, FakeChecks.Map], cli.Session.Ran);
    }

    [Theory]
    [InlineData("# nothing\n", "there is no id in it")]
    [InlineData(null, "cannot be read")]
    public void A_file_without_ids_exits_3_with_one_line(string? text, string cause)
    {
        using var cli = new CliRun();
        var file = text is null ? cli.PathOf("none") : cli.Write("ids", text);
        Assert.Equal(3, cli.Run("--only", $"@{file}"));
        Assert.StartsWith($"conformance: --only: {file}: ", Assert.Single(Lines(cli.Error)), StringComparison.Ordinal);
        Assert.Contains(cause, cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_never_ends_is_refused()
    {
        using var cli = new CliRun();
        Assert.Equal(3, cli.Run("--only", "@/dev/zero"));
        Assert.Contains("longer than", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Shards_are_disjoint_cover_the_plan_and_merge_to_the_whole_run()
    {
        var ran = new List<string>();
        using var cli = new CliRun { Session = new ScriptedSession().On(FakeChecks.Map, Verdict.Warn).On(FakeChecks.Attach, Verdict.Fail) };
        foreach (var shard in (string[])["1/2", "2/2"])
        {
            cli.Invoke("run", "--skip", FakeChecks.Unmap, "--shard", shard, "--report", cli.PathOf($"part{shard[0]}"));
            ran.AddRange(cli.Session.Ran);
            cli.Session.Ran.Clear();
        }
        Assert.Equal(FakeChecks.All.Select(c => c.Id).Where(id => id != FakeChecks.Unmap).Order(), ran.Order());

        Assert.Equal(1, cli.Run("merge", cli.PathOf("part1"), cli.PathOf("part2")));
        var merged = JsonDocument.Parse(cli.Report("results.json")).RootElement;
        cli.Invoke("run", "--skip", FakeChecks.Unmap, "--report", cli.PathOf("whole"));
        var whole = JsonDocument.Parse(File.ReadAllText(Path.Combine(cli.PathOf("whole"), "results.json"))).RootElement;
        Assert.Equal(Verdicts(whole.GetProperty("checks")), Verdicts(merged.GetProperty("checks")));
        Assert.Equal(Verdicts(whole.GetProperty("clauses")), Verdicts(merged.GetProperty("clauses")));

        static IEnumerable<string> Verdicts(JsonElement rows) => rows.EnumerateArray().Select(r => $"{r.GetProperty("id")} {r.GetProperty("verdict")}");
    }

    [Fact]
    public void A_shard_that_is_missing_leaves_its_checks_unjudged_and_parts_of_other_runs_are_refused()
    {
        using var cli = new CliRun();
        cli.Invoke("run", "--shard", "1/2", "--report", cli.PathOf("one"));
        foreach (string[] parts in (string[][])[[cli.PathOf("one")], [cli.PathOf("one"), cli.PathOf("one")]])
        {
            Assert.Equal(2, cli.Run(["merge", .. parts]));
            Assert.Contains($"its shard is not among the parts; in {parts.Length} of them it is left out by --shard 1/2", cli.Report("results.json"), StringComparison.Ordinal);
            Assert.Contains("MISSING", cli.Output, StringComparison.Ordinal);
        }
        cli.Invoke("run", "--shard", "2/2", "--seed", "9", "--report", cli.PathOf("two"));
        Assert.Equal(3, cli.Run("merge", cli.PathOf("one"), cli.PathOf("two")));
        Assert.Contains("not of the same run", Assert.Single(Lines(cli.Error)), StringComparison.Ordinal);
        Assert.Contains("seed 9 is not 1", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_merge_of_checks_that_do_not_exist_here_is_refused()
    {
        using var cli = new CliRun();
        cli.Invoke("run", "--report", cli.PathOf("one"));
        var file = cli.Write("other.json", File.ReadAllText(Path.Combine(cli.PathOf("one"), "results.json")).Replace(FakeChecks.Map, "IOMMU-MAP-D-01.other", StringComparison.Ordinal));
        Assert.Equal(3, cli.Run("merge", file));
        Assert.Contains("there is no check 'IOMMU-MAP-D-01.other' here", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_judges_the_whole_run_is_in_every_shard_and_last_in_any_order()
    {
        var last = FakeChecks.Make("CORE-RESET-D-01.nothing-is-left", Level.Must) with { JudgesTheRun = true };
        foreach (var args in (string[][])[["--shard", "1/3"], ["--shard", "3/3"], ["--order", "random", "--seed", "5"], ["--jobs", "3"]])
        {
            using var cli = new CliRun { Checks = [.. FakeChecks.All, last] };
            Assert.Equal(0, cli.Run(args));
            Assert.Equal(last.Id, cli.Session.Ran[^1]);
        }
    }

    [Fact]
    public void A_random_order_is_the_seed_s_and_reports_keep_the_order_of_the_spec()
    {
        var orders = new List<List<string>>();
        foreach (var seed in (string[])["1", "1", "2", "3"])
        {
            using var cli = new CliRun();
            Assert.Equal(0, cli.Run("--order", "random", "--seed", seed));
            orders.Add(cli.Session.Ran);
            var checks = JsonDocument.Parse(cli.Report("results.json")).RootElement.GetProperty("checks");
            Assert.Equal(FakeChecks.All.Select(c => c.Id), checks.EnumerateArray().Select(c => c.GetProperty("id").GetString()));
        }
        Assert.Equal(orders[0], orders[1]);
        Assert.True(orders.Distinct(new SameOrder()).Count() >= 2);
        Assert.All(orders, order => Assert.Equal(FakeChecks.All.Select(c => c.Id).Order(), order.Order()));
    }

    [Fact]
    public void So_many_failures_end_the_run()
    {
        using var cli = new CliRun { Session = new ScriptedSession().On(FakeChecks.Attach, Verdict.Fail).On(FakeChecks.Map, Verdict.Crash) };
        Assert.Equal(1, cli.Run("--max-failures", "1"));
        Assert.Equal([FakeChecks.Status, FakeChecks.Attach], cli.Session.Ran);
        Assert.Contains("3 checks have no result: the first failure ended the run", cli.Output, StringComparison.Ordinal);
        cli.Session.Ran.Clear();
        Assert.Equal(1, cli.Run("--max-failures", "2"));
        Assert.Equal([FakeChecks.Status, FakeChecks.Attach, FakeChecks.Map], cli.Session.Ran);
        Assert.Contains("2 failures ended the run", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failure_that_does_not_come_again_is_a_FLAKE_with_its_evidence()
    {
        var times = 0;
        using var cli = new CliRun
        {
            Width = 200,
            Session = new ScriptedSession().On(FakeChecks.Attach, () => times++ < 1 ? new(Verdict.Fail, "INVAL", "OK", ["> ATTACH"], 5) : new(Verdict.Pass, "", "", [], 5)),
        };
        Assert.Equal(0, cli.Run("--retries", "2"));
        Assert.Equal((2, 1), (times, cli.Session.Refreshed));
        Assert.Contains("FLAKE   IOMMU-ATTACH-D-01", cli.Output, StringComparison.Ordinal);
        Assert.Contains("FAIL at first: OK; PASS at repeat 1 on a fresh target", cli.Output, StringComparison.Ordinal);
        Assert.Contains("> ATTACH", cli.Output, StringComparison.Ordinal);
        times = 0;
        Assert.Equal(1, cli.Run("--retries", "2", "--strict"));
    }

    [Fact]
    public void A_failure_that_comes_again_stays_what_it_was_and_passes_are_not_repeated()
    {
        using var cli = new CliRun { Session = new ScriptedSession().On(FakeChecks.Attach, Verdict.Fail) };
        Assert.Equal(1, cli.Run("--retries", "3"));
        Assert.Equal(4, cli.Session.Ran.Count(id => id == FakeChecks.Attach));
        Assert.Equal(FakeChecks.All.Count + 3, cli.Session.Ran.Count);
        Assert.Contains("1 FAIL: exit 1", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_repeated_where_time_is_virtual()
    {
        using var cli = new CliRun { Session = new ScriptedSession { HasVirtualTime = true }.On(FakeChecks.Attach, Verdict.Fail) };
        Assert.Equal(1, cli.Run("--retries", "3"));
        Assert.Equal(FakeChecks.All.Count, cli.Session.Ran.Count);
        Assert.True(new Guest.Targets.Model.ModelTargetSource().HasVirtualTime);
    }

    [Fact]
    public void Jobs_share_the_plan_and_the_console_keeps_the_order_of_the_spec()
    {
        using var cli = new CliRun { Session = new ScriptedSession().On(FakeChecks.Attach, Verdict.Fail) };
        Assert.Equal(1, cli.Run("--jobs", "3"));
        Assert.Equal(2, cli.Session.Others.Count);
        Assert.All(cli.Session.Others, other => Assert.True(other.IsDisposed));
        Assert.Equal(FakeChecks.All.Select(c => c.Id).Order(), cli.Session.Ran.Concat(cli.Session.Others.SelectMany(o => o.Ran)).Order());
        int[] at = [.. FakeChecks.All.Select(c => cli.Output.IndexOf($"{c.Clauses[0]}  {c.Title}", StringComparison.Ordinal))];
        Assert.DoesNotContain(-1, at);
        Assert.Equal(at.Order(), at);
    }

    [Fact]
    public void A_real_run_in_two_sessions_says_what_one_session_says()
    {
        var checks = CheckRegistry.Find(typeof(CheckRegistry).Assembly, ScriptedRun.Catalogue);
        var runs = ((string[])["1", "3"]).Select(jobs =>
        {
            using var cli = new CliRun { OnRealTarget = true, Checks = checks };
            Assert.Equal(0, cli.Run("--jobs", jobs, "--only", "CORE-*", "--only", "IOMMU-*", "--timeout", "120"));
            return JsonDocument.Parse(cli.Report("results.json")).RootElement.GetProperty("checks").EnumerateArray()
                .Select(c => $"{c.GetProperty("id")} {c.GetProperty("verdict")} {c.GetProperty("actual")}").ToList();
        }).ToList();
        Assert.Equal(runs[0], runs[1]);
    }

    [Fact]
    public void A_traced_run_shows_the_exchanges_of_checks_that_pass()
    {
        using var cli = new CliRun { OnRealTarget = true, Checks = CheckRegistry.Find(typeof(CheckRegistry).Assembly, ScriptedRun.Catalogue), Width = 200 };
        Assert.Equal(0, cli.Run("--only", "IOMMU-UNMAP-D-06.an-unmap*", "--trace"));
        Assert.Contains("> UNMAP domain=", cli.Output, StringComparison.Ordinal);
        Assert.Contains("> UNMAP domain=", cli.Report("results.json"), StringComparison.Ordinal);
        Assert.Equal(0, cli.Run("--only", "IOMMU-UNMAP-D-06.an-unmap*"));
        Assert.DoesNotContain("> UNMAP domain=", cli.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--shard", "0/3")]
    [InlineData("--shard", "4/3")]
    [InlineData("--shard", "2")]
    [InlineData("--shard", "+1/2")]
    [InlineData("--jobs", "0")]
    [InlineData("--jobs", "65")]
    [InlineData("--retries", "-1")]
    [InlineData("--max-failures", "0")]
    [InlineData("--order", "chaos")]
    [InlineData("--annotate", "gitlab")]
    public void An_option_out_of_bounds_exits_3_with_one_line(string option, string value)
    {
        using var cli = new CliRun();
        Assert.Equal(3, cli.Run(option, value));
        Assert.StartsWith("conformance: ", Assert.Single(Lines(cli.Error)), StringComparison.Ordinal);
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private sealed class SameOrder : IEqualityComparer<List<string>>
    {
        public bool Equals(List<string>? x, List<string>? y) => x!.SequenceEqual(y!);

        public int GetHashCode(List<string> order) => string.Join(' ', order).GetHashCode(StringComparison.Ordinal);
    }
}
