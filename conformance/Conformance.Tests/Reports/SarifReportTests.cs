using System.Text.Json;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Running;

namespace Viommu.Conformance.Tests.Reports;

public sealed class SarifReportTests
{
    private static readonly JsonElement Run =
        JsonDocument.Parse(new SarifReport(ScriptedRun.Catalogue).Render(Samples.Mixed)).RootElement.GetProperty("runs")[0];

    [Fact]
    public void Each_broken_check_is_a_result_of_its_rule_and_nothing_else_is()
    {
        var results = Run.GetProperty("results").EnumerateArray().ToList();
        Assert.Equal([FakeChecks.Attach, FakeChecks.Map], results.Select(r => r.GetProperty("ruleId").GetString()));
        Assert.Equal(["error", "warning"], results.Select(r => r.GetProperty("level").GetString()));
        var rules = Run.GetProperty("tool").GetProperty("driver").GetProperty("rules");
        Assert.All(results, r => Assert.Equal(r.GetProperty("ruleId").GetString(), rules[r.GetProperty("ruleIndex").GetInt32()].GetProperty("id").GetString()));
    }

    [Fact]
    public void A_result_stands_at_the_sentence_that_was_broken()
    {
        var place = Run.GetProperty("results")[0].GetProperty("locations")[0];
        Assert.Equal("device-types/iommu/description.tex", place.GetProperty("physicalLocation").GetProperty("artifactLocation").GetProperty("uri").GetString());
        Assert.Equal(359, place.GetProperty("physicalLocation").GetProperty("region").GetProperty("startLine").GetInt32());
        Assert.Equal("IOMMU-ATTACH-D-01", place.GetProperty("logicalLocations")[0].GetProperty("name").GetString());
    }

    [Fact]
    public void It_says_that_it_is_SARIF_2_1_0()
    {
        var root = JsonDocument.Parse(new SarifReport(ScriptedRun.Catalogue).Render(Samples.Mixed)).RootElement;
        Assert.Equal("2.1.0", root.GetProperty("version").GetString());
        Assert.True(root.TryGetProperty("$schema", out _));
    }

    [Fact]
    public void A_SHOULD_that_isolation_hangs_on_has_a_tag()
    {
        var check = FakeChecks.Make("IOMMU-UNMAP-D-06.removes-nothing", Conformance.Catalogue.Level.Should);
        var run = Samples.Mixed with { Checks = [new(check, Verdict.Warn, "", "", [], 0) { Observed = Verdict.Warn }] };
        Assert.Contains("\"security\"", new SarifReport(ScriptedRun.Catalogue).Render(run), StringComparison.Ordinal);
    }
}
