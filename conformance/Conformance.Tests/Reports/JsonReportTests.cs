using System.Text.Json;
using Viommu.Conformance.Reports;

namespace Viommu.Conformance.Tests.Reports;

public sealed class JsonReportTests
{
    private static readonly JsonElement Root = JsonDocument.Parse(new JsonReport().Render(Samples.Mixed)).RootElement;

    [Fact]
    public void Every_object_has_just_the_keys_of_the_schema()
    {
        Keys(Root, "schema", "tool", "spec", "target", "seed", "strict", "strictOnSecurity", "over", "checks", "clauses", "complaints", "summary");
        Keys(Root.GetProperty("tool"), "version");
        Keys(Root.GetProperty("target"), "name", "version", "configuration", "features");
        foreach (var check in Root.GetProperty("checks").EnumerateArray())
            Keys(check, "id", "clauses", "level", "verdict", "observed", "chargedTo", "expected", "actual", "evidence", "milliseconds");
        foreach (var clause in Root.GetProperty("clauses").EnumerateArray())
            Keys(clause, "id", "role", "level", "verdict", "checks", "reason");
    }

    [Fact]
    public void The_run_is_told_by_schema_tool_spec_target_and_seed()
    {
        Assert.Equal(1, Root.GetProperty("schema").GetInt32());
        Assert.Matches(@"^\d+\.\d+\.\d+$", Root.GetProperty("tool").GetProperty("version").GetString());
        Assert.Equal("1.4", Root.GetProperty("spec").GetString());
        Assert.Equal("model", Root.GetProperty("target").GetProperty("name").GetString());
        Assert.Equal(["INPUT_RANGE", "DOMAIN_RANGE", "MAP_UNMAP", "PROBE", "BYPASS_CONFIG", "VERSION_1"],
            Root.GetProperty("target").GetProperty("features").EnumerateArray().Select(f => f.GetString()));
        Assert.Equal(1UL, Root.GetProperty("seed").GetUInt64());
    }

    [Fact]
    public void A_failed_check_is_told_whole()
    {
        var check = Root.GetProperty("checks").EnumerateArray().Single(c => c.GetProperty("verdict").GetString() == "FAIL");
        Assert.Equal("IOMMU-ATTACH-D-01.reserved-is-refused", check.GetProperty("id").GetString());
        Assert.Equal(["IOMMU-ATTACH-D-01", "IOMMU-ATTACH-D-02"], check.GetProperty("clauses").EnumerateArray().Select(c => c.GetString()));
        Assert.Equal("MUST", check.GetProperty("level").GetString());
        Assert.Equal("status INVAL (4), used length 4", check.GetProperty("expected").GetString());
        Assert.Equal(2, check.GetProperty("evidence").GetArrayLength());
        Assert.Equal(7, check.GetProperty("milliseconds").GetInt64());
    }

    [Fact]
    public void Every_clause_of_the_catalogue_has_a_line_with_a_verdict_or_a_reason()
    {
        var clauses = Root.GetProperty("clauses").EnumerateArray().ToList();
        Assert.Equal(Samples.Mixed.Clauses.Count, clauses.Count);
        Assert.All(clauses.Where(c => c.GetProperty("verdict").GetString() == "NOT-TESTED"), c => Assert.NotEqual("", c.GetProperty("reason").GetString()));
    }

    [Fact]
    public void The_summary_counts_checks_by_verdict() =>
        Assert.Equal(["ERROR=1", "FAIL=1", "N/A=1", "PASS=1", "WARN=1"],
            Root.GetProperty("summary").EnumerateObject().Select(p => $"{p.Name}={p.Value}").Order(StringComparer.Ordinal));

    private static void Keys(JsonElement element, params string[] keys) => Assert.Equal(keys, element.EnumerateObject().Select(p => p.Name));
}
