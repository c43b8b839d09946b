using System.Reflection;
using System.Text.Json;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Tests.Running;

namespace Viommu.Conformance.Tests.Program;

/// <summary>What a user does first: every check on the reference device.</summary>
public sealed class WholeRunTests
{
    [Fact]
    public void The_reference_device_keeps_every_clause_that_is_checked()
    {
        using var cli = new CliRun { OnRealTarget = true, Checks = CheckRegistry.Find(Assembly.GetAssembly(typeof(Check))!, ScriptedRun.Catalogue) };
        Assert.Equal(0, cli.Run("--strict"));
        var summary = JsonDocument.Parse(cli.Report("results.json")).RootElement.GetProperty("summary");
        Assert.Subset(new HashSet<string> { "PASS", "N/A" }, summary.EnumerateObject().Select(p => p.Name).ToHashSet());
        Assert.True(summary.GetProperty("PASS").GetInt32() > cli.Checks.Count / 2);
    }
}
