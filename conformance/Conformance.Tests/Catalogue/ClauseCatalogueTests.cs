using System.Runtime.CompilerServices;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Running;

namespace Viommu.Conformance.Tests.Catalogue;

public sealed class ClauseCatalogueTests
{
    private static readonly ClauseCatalogue Clauses = ClauseCatalogue.Load();

    [Fact]
    public void It_holds_the_490_clauses_and_the_unworded_behaviour_under_ids_of_their_own()
    {
        Assert.Equal(490, Clauses.Clauses.Count(c => !c.IsUnworded));
        Assert.Contains(Clauses.Clauses, c => c.IsUnworded);
        Assert.Equal(Clauses.Clauses.Count, Clauses.Clauses.Select(c => c.Id).Distinct().Count());
    }

    [Fact]
    public void Ids_and_keywords_are_those_of_the_specs_catalogue()
    {
        var original = Path.Combine(Repository(), "..", "shared", "spec", "clauses.tsv");
        if (!File.Exists(original)) return; // users clone the project alone

        var rows = Tsv.Rows(original, ClauseCatalogue.Header, File.ReadAllText(original)).ToDictionary(cells => cells[0], cells => (cells[3], cells[4]));
        var ours = Clauses.Clauses.Where(c => !c.IsUnworded).ToDictionary(c => c.Id, c => (c.Role.ToString().ToLowerInvariant(), c.Keyword));
        Assert.Equal(rows.OrderBy(r => r.Key), ours.OrderBy(r => r.Key));
    }

    [Fact]
    public void Clauses_come_chapter_by_chapter_and_line_by_line()
    {
        Assert.Equal(["CORE", "SPLIT", "PACKED", "PCI", "MMIO", "IOMMU", "LEGACY", "CONF"],
            Clauses.Clauses.Select(c => c.Family).Aggregate(new List<string>(), (seen, f) => seen.LastOrDefault() == f ? seen : [.. seen, f]));
        var lines = Clauses.Clauses.Where(c => c.Family == "IOMMU").Select(c => c.SourceLine).ToList();
        Assert.Equal(lines.Order(), lines);
    }

    [Fact]
    public void Unworded_behaviour_binds_devices_and_says_that_it_is_unworded() =>
        Assert.All(Clauses.Clauses.Where(c => c.IsUnworded), c =>
        {
            Assert.Equal(Role.Device, c.Role);
            Assert.StartsWith("Stated without a keyword.", c.Hint, StringComparison.Ordinal);
        });

    [Fact]
    public void Negation_does_not_change_the_level()
    {
        Assert.True(Clauses.TryGet("core-status-d-01", out var clause));
        Assert.Equal("MUST NOT", clause.Keyword);
        Assert.Equal(Level.Must, clause.Level);
    }

    [Theory]
    [InlineData("id\tother\nA\tB\n", "table:1")]
    [InlineData("id\treason\nA\tB\nA\n", "table:3")]
    [InlineData("id\treason\nA\t \n", "table:2")]
    public void A_table_that_is_not_as_it_has_to_be_is_named_with_its_line(string text, string where)
    {
        var error = Assert.Throws<InvalidDataException>(() => Tsv.Rows("table", "id\treason", text).ToList());
        Assert.StartsWith(where, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_repeated_id_is_an_error()
    {
        var clause = Clauses.Clauses[0];
        Assert.Throws<InvalidDataException>(() => new ClauseCatalogue([clause, clause]));
    }

    [Fact]
    public void A_clause_is_judged_by_its_worst_check()
    {
        var run = ScriptedRun.Of(new ScriptedSession().On(FakeChecks.Map, Verdict.Warn).On(FakeChecks.Attach, Verdict.Crash));
        Assert.Equal(Verdict.Warn, run.Clause("IOMMU-MAP-D-01").Verdict);
        Assert.Equal([FakeChecks.Map, FakeChecks.MapAgain], run.Clause("IOMMU-MAP-D-01").Checks);
        Assert.Equal(Verdict.Crash, run.Clause("IOMMU-ATTACH-D-02").Verdict);
    }

    [Fact]
    public void A_check_that_does_not_apply_leaves_the_clause_to_the_others()
    {
        var run = ScriptedRun.Of(new ScriptedSession().On(FakeChecks.Map, Verdict.NotApplicable).On(FakeChecks.Status, Verdict.NotApplicable, "no RING_RESET"));
        Assert.Equal(Verdict.Pass, run.Clause("IOMMU-MAP-D-01").Verdict);
        Assert.Equal((Verdict.NotApplicable, "no RING_RESET"), (run.Clause("CORE-STATUS-D-01").Verdict, run.Clause("CORE-STATUS-D-01").Reason));
    }

    [Fact]
    public void A_clause_without_a_check_is_NOT_TESTED_with_its_reason()
    {
        var clause = ScriptedRun.Of(new ScriptedSession()).Clause("CORE-SHM-D-01");
        Assert.Equal(Verdict.NotTested, clause.Verdict);
        Assert.Contains("no shared memory region", clause.Reason, StringComparison.Ordinal);
    }

    private static string Repository([CallerFilePath] string path = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "..", "..", ".."));
}
