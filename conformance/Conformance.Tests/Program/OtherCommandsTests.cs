using Viommu.Conformance.Catalogue;

namespace Viommu.Conformance.Tests.Program;

public sealed class OtherCommandsTests
{
    [Fact]
    public void List_prints_the_checks_in_the_order_in_which_they_run()
    {
        using var cli = new CliRun();
        Assert.Equal(0, cli.Invoke("list"));
        Assert.Equal([.. cli.Checks.Select(c => c.Id), "5 of 5 checks"],
            cli.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.StartsWith('5') ? l : l.Split(' ')[^1]));
    }

    [Fact]
    public void Clauses_prints_every_clause_with_its_checks_or_its_reason()
    {
        using var cli = new CliRun { Width = 200 };
        Assert.Equal(0, cli.Invoke("clauses"));
        Assert.Contains("IOMMU-MAP-D-01      SHOULD (device): ", cli.Output, StringComparison.Ordinal);
        Assert.Contains("                    IOMMU-MAP-D-01.off-the-grid-is-range\n", cli.Output, StringComparison.Ordinal);
        Assert.Contains("NOT-TESTED: A virtio-iommu has no shared memory region", cli.Output, StringComparison.Ordinal);
        Assert.Contains($"{ClauseCatalogue.Load().Clauses.Count} clauses, {5 + Umbrellas.Load().Clauses.Count()} of them with checks", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Explain_of_a_check_tells_what_it_does_how_to_read_it_and_its_clauses()
    {
        using var cli = new CliRun { Width = 200 };
        Assert.Equal(0, cli.Invoke("explain", "iommu-attach-d-01.RESERVED-is-refused"));
        foreach (var part in (string[])["Does IOMMU-ATTACH-D-01", "Reads IOMMU-ATTACH-D-01", "as it is", "Non-zero ATTACH reserved bytes", "IOMMU-ATTACH-D-02",
            "\"ATTACH request\" (device-types/iommu/description.tex:359", "conformance run --only IOMMU-ATTACH-D-01.reserved-is-refused"])
            Assert.Contains(part, cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Explain_of_a_clause_tells_its_checks()
    {
        using var cli = new CliRun { Width = 200 };
        Assert.Equal(0, cli.Invoke("explain", "IOMMU-MAP-D-01"));
        Assert.Contains("IOMMU-MAP-D-01.off-the-grid-is-range", cli.Output, StringComparison.Ordinal);
        Assert.Contains("IOMMU-MAP-D-01.end-off-the-grid-is-range", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Explain_of_a_clause_without_a_check_tells_the_reason()
    {
        using var cli = new CliRun { Width = 200 };
        Assert.Equal(0, cli.Invoke("explain", "CORE-SHM-D-01"));
        Assert.Contains("not tested", cli.Output, StringComparison.Ordinal);
        Assert.Contains("no shared memory region", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Explain_of_unworded_behaviour_says_whose_reading_the_level_is()
    {
        using var cli = new CliRun { Width = 200 };
        Assert.Equal(0, cli.Invoke("explain", "DESC-IOMMU-01"));
        Assert.Contains("the spec states it without a keyword", cli.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("IOMMU-MAP-D-1", "near it: IOMMU-MAP-D-01")]
    [InlineData("IOMMU-MAP-D-*", "explain takes one id; 'IOMMU-MAP-D-*' matches IOMMU-MAP-D-")]
    [InlineData("hypervisor", "'conformance clauses' and 'conformance list' show all ids")]
    [InlineData("", "no clause or check is called ''")]
    public void Explain_of_an_unknown_id_exits_3_with_a_hint_in_one_line(string id, string hint)
    {
        using var cli = new CliRun();
        Assert.Equal(3, cli.Invoke("explain", id));
        Assert.Contains(hint, Assert.Single(cli.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Equal("", cli.Output);
    }

    [Fact]
    public void Everything_but_ids_keeps_to_80_columns()
    {
        using var cli = new CliRun();
        foreach (var args in (string[][])[["--help"], ["run", "--help"], ["list", "-h"], ["clauses"], ["explain", "IOMMU-UNMAP-D-06"], ["explain", cli.Checks[0].Id]])
        {
            Assert.Equal(0, cli.Invoke(args));
            Assert.All(cli.Output.Split('\n'), line => Assert.InRange(line.Length, 0, 80));
        }
    }

    [Fact]
    public void Help_teaches_verdicts_exit_codes_and_examples()
    {
        using var cli = new CliRun();
        Assert.Equal(0, cli.Invoke("--help"));
        foreach (var part in (string[])["conformance --target qemu", "XFAIL, XPASS", "2  ERROR or MISSING", "explain <ID>"])
            Assert.Contains(part, cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Version_is_one_line()
    {
        using var cli = new CliRun();
        Assert.Equal(0, cli.Invoke("--version"));
        Assert.Matches(@"^\d+\.\d+\.\d+", Assert.Single(cli.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
    }

    [Theory]
    [InlineData("run", "These checks only", true)]
    [InlineData("list", "These checks only", false)]
    [InlineData("selftest", "These checks only", false)]
    [InlineData("watch", "These rules only: a glob on rule ids", true)]
    public void Help_speaks_of_what_is_chosen_from_and_of_reports_where_there_are_some(string verb, string only, bool isReported)
    {
        using var cli = new CliRun { Width = 400 };
        Assert.Equal(0, cli.Invoke(verb, "--help"));
        Assert.Contains(only, cli.Output, StringComparison.Ordinal);
        Assert.Equal(isReported, cli.Output.Contains("They are SKIP in the reports.", StringComparison.Ordinal));
    }
}
