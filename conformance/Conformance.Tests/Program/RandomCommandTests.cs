using Viommu.Conformance.Running;

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
    public void A_script_that_is_none_is_one_line_with_its_place()
    {
        using var cli = new CliRun { OnRealTarget = true };
        Assert.Equal(ExitCode.Usage, cli.Invoke("replay", cli.Write("bad.viommu", "viommu-script 1\nattach domain=one endpoint=ep0\n")));
        Assert.Matches(@"^conformance: .*bad\.viommu:2:15: 'one' is no number\s*$", cli.Error);
    }
}
