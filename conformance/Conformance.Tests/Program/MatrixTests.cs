using System.Reflection;
using System.Text.Json;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Reports;
using Viommu.Conformance.Tests.Running;

namespace Viommu.Conformance.Tests.Program;

/// <summary>Every transport and ring of the model, one after the other.</summary>
public sealed class MatrixTests
{
    private static readonly string[] Combinations = ["pci-split", "pci-packed", "mmio-split", "mmio-packed", "mmio-legacy-split", "pci-transitional-split"];

    [Fact]
    public void The_reference_device_keeps_every_clause_on_every_transport_and_ring()
    {
        using var cli = new CliRun { OnRealTarget = true, Width = 200, Checks = CheckRegistry.Find(Assembly.GetAssembly(typeof(Check))!, ScriptedRun.Catalogue) };
        Assert.Equal(0, cli.Run("--matrix", "--strict"));
        var passed = new Dictionary<string, HashSet<string>>();
        foreach (var combination in Combinations)
        {
            var results = JsonDocument.Parse(cli.Report(Path.Combine(combination, "results.json"))).RootElement;
            Assert.Equal(combination, results.GetProperty("target").GetProperty("configuration").GetString()!.Replace(", ", "-", StringComparison.Ordinal));
            Assert.Subset(new HashSet<string> { "PASS", "N/A" }, results.GetProperty("summary").EnumerateObject().Select(p => p.Name).ToHashSet());
            passed[combination] = [.. results.GetProperty("checks").EnumerateArray().Where(c => c.GetProperty("verdict").GetString() == "PASS").Select(c => c.GetProperty("id").GetString()!)];
            Assert.True(passed[combination].Count(IsOfEveryTransport) > cli.Checks.Count(check => IsOfEveryTransport(check.Id)) / 2);
            Assert.Contains(combination, cli.Output, StringComparison.Ordinal);
            Assert.Contains($"| [{combination}]({combination}/summary.md) | ", cli.Report("summary.md"), StringComparison.Ordinal);
            Assert.Contains($"<a href=\"{combination}/index.html\">", cli.Report("index.html"), StringComparison.Ordinal);
        }
        Assert.Empty(Of("MMIO-").Except(passed["mmio-split"]));
        Assert.Empty(Of("LEGACY-").Except(passed["mmio-legacy-split"]).Except(passed["pci-transitional-split"]).Except(Of("LEGACY-RSVD-D-02")));
        Assert.Contains("CORE-FEAT-D-02.any-single-feature-is-accepted | PASS | PASS | PASS | PASS | N/A | N/A |", cli.Report("summary.md"), StringComparison.Ordinal);

        HashSet<string> Of(string family) => [.. cli.Checks.Select(check => check.Id).Where(id => id.Replace("DESC-", "", StringComparison.Ordinal).StartsWith(family, StringComparison.Ordinal))];

        static bool IsOfEveryTransport(string id) => id.Contains("IOMMU-", StringComparison.Ordinal) || id.Contains("CORE-", StringComparison.Ordinal);
    }

    [Fact]
    public void A_finding_in_any_combination_is_the_exit_code_and_is_told_with_its_evidence()
    {
        using var cli = new CliRun
        {
            ParseTarget = _ => new Guest.Targets.Model.ModelTargetSource(),
            Session = new ScriptedSession().On(FakeChecks.Map, Verdict.Error).On(FakeChecks.Attach, Verdict.Fail),
        };
        Assert.Equal(ExitCode.Findings, cli.Run("--matrix"));
        Assert.Contains("FAIL    IOMMU-ATTACH-D-01", cli.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("PASS    CORE-STATUS-D-01", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_worst_exit_code_counts_and_findings_are_worse_than_what_is_owed()
    {
        var good = Samples.Mixed with { Checks = [] };
        var owed = Samples.Mixed with { Checks = [.. Samples.Mixed.Checks.Where(c => c.Verdict == Verdict.Error)] };
        Assert.Equal(ExitCode.AsExpected, new MatrixSnapshot([("a", good), ("b", good)]).ExitCode);
        Assert.Equal(ExitCode.Harness, new MatrixSnapshot([("a", owed), ("b", good)]).ExitCode);
        Assert.Equal(ExitCode.Findings, new MatrixSnapshot([("a", owed), ("b", Samples.Mixed)]).ExitCode);
    }

    [Fact]
    public void What_a_device_says_is_escaped_in_both_reports()
    {
        var other = Samples.Mixed with { Checks = [.. Samples.Mixed.Checks.Select(c => c with { Verdict = Verdict.Crash, Expected = Samples.Nasty })] };
        var matrix = new MatrixSnapshot([("one", Samples.Mixed), ("two", other)]);
        Assert.DoesNotContain("<script>alert", MatrixReport.Html(matrix, Samples.Trace), StringComparison.Ordinal);
        Assert.Equal(Samples.Mixed.Checks.Count, matrix.Differing.Count);
        Assert.Contains("| FAIL | CRASH |", MatrixReport.Markdown(matrix), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--target", "qemu")]
    [InlineData("--target", "model,ring=packed")]
    [InlineData("--update-expectations", "known.yaml")]
    public void What_a_matrix_cannot_be_made_of_is_a_usage_error(string option, string value)
    {
        using var cli = new CliRun();
        Assert.Equal(ExitCode.Usage, cli.Run("--matrix", option, value));
        Assert.Contains("conformance: --", cli.Error, StringComparison.Ordinal);
    }
}
