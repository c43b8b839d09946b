using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Tests.Program;

public sealed class SelftestCommandTests
{
    private static readonly IReadOnlyList<Check> Real = CheckRegistry.Find(typeof(CheckRegistry).Assembly, ClauseCatalogue.Load());

    private static readonly Check Reserved = Real.First(check => check.Clauses[0] == "IOMMU-FAULT-D-01");

    [Fact]
    public void Each_broken_device_has_a_line_that_says_which_checks_caught_it()
    {
        using var cli = new CliRun { Checks = Real, Width = 1000 };
        Assert.Equal(0, cli.Invoke("selftest", "--only", "IOMMU-FAULT-D-01*"));
        Assert.Contains($"CAUGHT    sets reserved fields of fault reports: {Reserved.Id}", cli.Output, StringComparison.Ordinal);
        Assert.Matches("[1-9] broken devices: 0 not caught", cli.Output);
        Assert.DoesNotContain("also red", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_check_that_cannot_fail_lets_a_device_survive_and_exits_1()
    {
        using var cli = new CliRun { Checks = [Reserved with { Body = _ => { } }], Width = 1000 };
        Assert.Equal(1, cli.Invoke("selftest"));
        Assert.Contains($"SURVIVES  sets reserved fields of fault reports: {Reserved.Id} is PASS", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_check_that_accuses_the_reference_device_exits_1()
    {
        using var cli = new CliRun { Checks = [Reserved with { Body = _ => CheckContext.That(false, "the impossible", "what is") }], Width = 1000 };
        Assert.Equal(1, cli.Invoke("selftest"));
        foreach (var configuration in ModelConfiguration.All)
            Assert.Contains($"WARN      {Reserved.Id} on the reference device ({configuration}): expected the impossible; what is", cli.Output, StringComparison.Ordinal);
        Assert.Contains("1 check: 1 not kept by the reference device", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_check_that_no_device_breaks_is_unproven_and_exits_1()
    {
        using var cli = new CliRun { Checks = [Reserved with { Id = "CORE-SHM-D-01.nothing", Clauses = ["CORE-SHM-D-01"] }], Width = 1000 };
        Assert.Equal(1, cli.Invoke("selftest"));
        Assert.Contains("UNPROVEN  CORE-SHM-D-01.nothing", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void All_counts_the_other_checks_that_go_red()
    {
        using var cli = new CliRun { Checks = [Reserved, Real.First(check => check.Clauses[0] == "IOMMU-FAULT-D-02") with { Body = Reserved.Body }], Width = 1000 };
        cli.Invoke("selftest", "--all", "--only", Reserved.Id);
        Assert.Contains("also red: 1: IOMMU-FAULT-D-02", cli.Output, StringComparison.Ordinal);
        Assert.Contains("1 time another check went red", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void No_check_selected_exits_2()
    {
        using var cli = new CliRun { Checks = Real };
        Assert.Equal(2, cli.Invoke("selftest", "--only", "NO-SUCH-*"));
        Assert.Contains("no check is selected", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void An_interrupted_selftest_exits_2()
    {
        using var cli = new CliRun { Checks = [Reserved], Interrupted = new CancellationToken(canceled: true) };
        Assert.Equal(2, cli.Invoke("selftest"));
        Assert.Contains("interrupted", cli.Error, StringComparison.Ordinal);
    }
}
