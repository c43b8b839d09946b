using Viommu.Conformance.Running;
using Viommu.Conformance.Selftest;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Tests.Program;

/// <summary><c>run --random</c> and <c>replay</c>, from their arguments to their exit codes.</summary>
public sealed class RandomCommandTests
{
    [Fact]
    public void A_random_run_on_the_reference_device_has_reports_and_finds_nothing()
    {
        using var cli = new CliRun { OnRealTarget = true, Width = 400 };
        Assert.Equal(ExitCode.AsExpected, cli.Run("run", "--random", "3", "--length", "40", "--seed", "5"));
        Assert.Contains("3 sequences", cli.Output, StringComparison.Ordinal);
        Assert.Contains("random-operations", cli.Report("results.json"), StringComparison.Ordinal);
        Assert.Contains("left out by --random", cli.Report("junit.xml"), StringComparison.Ordinal);
    }

    [Fact]
    public void An_interrupted_run_keeps_what_it_has_and_owes_the_rest()
    {
        using var interrupt = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        using var cli = new CliRun { Interrupted = interrupt.Token, OnRealTarget = true, Width = 400 };
        Assert.Equal(ExitCode.Harness, cli.Run("run", "--random", "100000", "--length", "40", "--seed", "5"));
        Assert.Contains("1 checks have no result: it was interrupted: the sequences that are left did not run", cli.Output, StringComparison.Ordinal);
        Assert.Contains("ended early: it was interrupted", cli.Report("results.json"), StringComparison.Ordinal);
        Assert.Contains("MISSING", cli.Report("summary.md"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--random", "0")]
    [InlineData("--random", "some")]
    [InlineData("--length", "0")]
    public void Numbers_that_make_no_sense_are_refused(string option, string value)
    {
        using var cli = new CliRun();
        Assert.Equal(ExitCode.Usage, cli.Run("run", option, value));
    }

    [Theory]
    [InlineData("attach domain=1 endpoint=ep0 reserved=0x1 => OK used=4 breaks IOMMU-ATTACH-D-01", "GONE")]
    [InlineData("attach domain=1 endpoint=ep0", "CLEAN")]
    public void A_script_that_shows_nothing_any_more_is_told_so(string line, string word)
    {
        using var cli = new CliRun { OnRealTarget = true, Width = 400 };
        Assert.Equal(ExitCode.AsExpected, cli.Invoke("replay", cli.Write("found.viommu", $"viommu-script 1\n{line}\n")));
        Assert.StartsWith(word, cli.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("# fuzz: bed=2 reserved=0x0\n", true)]
    [InlineData("# fuzz: bed=0 reserved=0x0\n", false)]
    [InlineData("# fuzz: reserved=0x0\n", false)]
    [InlineData("# bed=2\n", false)]
    public void A_script_for_another_device_is_run_with_a_warning(string comment, bool isWarned)
    {
        using var cli = new CliRun { OnRealTarget = true, Width = 400 };
        var file = cli.Write("found.viommu", $"viommu-script 1\n{comment}attach domain=1 endpoint=ep0\n");
        Assert.Equal(ExitCode.AsExpected, cli.Invoke("replay", file));
        Assert.Equal(isWarned, cli.Error.Contains($"conformance: {file} was made for one of the fuzzer's own devices ('fuzz: bed=2 reserved=0x0')", StringComparison.Ordinal));
    }

    [Fact]
    public void Scripts_have_rows_in_reports()
    {
        using var cli = new CliRun { OnRealTarget = true, Width = 400 };
        var script = "viommu-script 1\n# what it was\nattach domain=1 endpoint=ep0 reserved=0x1 => OK used=4 breaks IOMMU-ATTACH-D-01\n";
        Directory.CreateDirectory(cli.PathOf("other"));
        Assert.Equal(ExitCode.AsExpected, cli.Run("replay", cli.Write("Was found.viommu", script), cli.Write("other/was-found.viommu", "viommu-script 1\nattach domain=1 endpoint=ep0\n")));
        Assert.Contains("reports: ", cli.Output, StringComparison.Ordinal);
        var results = cli.Report("results.json");
        Assert.Contains("\"replay.was-found\"", results, StringComparison.Ordinal);
        Assert.Contains("\"replay.was-found-2\"", results, StringComparison.Ordinal);
        Assert.Contains("left out by replay", cli.Report("junit.xml"), StringComparison.Ordinal);
        Assert.Contains("IOMMU-ATTACH-D-01", cli.Report("index.html"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("replay.found", "", ExitCode.AsExpected, "expected FAIL (")]
    [InlineData("replay.*", "\n  feature: MAP_UNMAP\n  actual: OK used", ExitCode.AsExpected, "because (u)")]
    [InlineData("replay.found", "\n  feature: '!MAP_UNMAP'", ExitCode.Findings, "FOUND")]
    [InlineData("replay.found", "\n  actual: RANGE used", ExitCode.Findings, "FOUND")]
    [InlineData("replay.lost", "", ExitCode.Findings, "'replay.lost' matches no check")]
    public void A_script_whose_finding_is_known_is_not_red(string check, string condition, int exit, string told)
    {
        using var cli = new CliRun { OnRealTarget = true, Width = 400, ParseTarget = _ => Careless() };
        var known = cli.Write("known.yaml", $"- check: {check}\n  verdict: FAIL\n  reason: because\n  url: u{condition}\n");
        Assert.Equal(exit, cli.Run("replay", cli.Write("found.viommu", "viommu-script 1\nattach domain=1 endpoint=ep0 reserved=0x1\n"), "--expect", known));
        Assert.Contains(told, cli.Output, StringComparison.Ordinal);
        Assert.Contains(exit == ExitCode.AsExpected ? "XFAIL" : "FAIL", cli.Report("summary.md"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_script_that_shows_nothing_although_it_is_known_to_is_red()
    {
        using var cli = new CliRun { OnRealTarget = true, Width = 400 };
        var known = cli.Write("known.yaml", "- check: replay.found\n  verdict: FAIL\n  reason: because\n  url: u\n");
        Assert.Equal(ExitCode.Findings, cli.Invoke("replay", cli.Write("found.viommu", "viommu-script 1\nattach domain=1 endpoint=ep0\n"), "--expect", known));
        Assert.Contains("XPASS: FAIL, as ", cli.Output, StringComparison.Ordinal);
    }

    // It does not look at ATTACH's reserved bytes.
    private static ModelTargetSource Careless() => new(BrokenDevices.All.Single(device => device.Name == "ignores the reserved bytes of ATTACH").Variation);

    [Fact]
    public void A_script_that_is_none_is_one_line_with_its_place()
    {
        using var cli = new CliRun { OnRealTarget = true };
        Assert.Equal(ExitCode.Usage, cli.Invoke("replay", cli.Write("bad.viommu", "viommu-script 1\nattach domain=one endpoint=ep0\n")));
        Assert.Matches(@"^conformance: .*bad\.viommu:2:15: 'one' is no number\s*$", cli.Error);
    }
}
