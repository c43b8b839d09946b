using System.Text.Json;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Running;

namespace Viommu.Conformance.Tests.Program;

/// <summary><c>--spec</c> on the commands that judge by a version of the spec.</summary>
public sealed class SpecVersionCommandTests
{
    private const string Suspend = "CORE-SUSPEND-D-01.waits-for-driver-ok";

    [Fact]
    public void A_run_by_an_older_version_leaves_out_what_came_later_and_says_which_version_it_is()
    {
        using var cli = Run("--spec", "1.3");
        Assert.DoesNotContain(Suspend, cli.Session.Ran);
        Assert.Contains("against virtio 1.3", cli.Output, StringComparison.Ordinal);
        Assert.Contains("5 of 6, the others left out", cli.Output, StringComparison.Ordinal);
        var results = JsonDocument.Parse(cli.Report("results.json")).RootElement;
        Assert.Equal("1.3", results.GetProperty("spec").GetString());
        var check = results.GetProperty("checks").EnumerateArray().Single(c => c.GetProperty("id").GetString() == Suspend);
        Assert.Equal(("N/A", "new in virtio 1.4"), (check.GetProperty("verdict").GetString(), check.GetProperty("expected").GetString()));
        Assert.Contains("virtio 1.3", cli.Report("summary.md"), StringComparison.Ordinal);
        Assert.Contains("<dd>virtio 1.3</dd>", cli.Report("index.html"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_latest_version_is_the_default_and_its_reports_tell_what_older_ones_say()
    {
        using var cli = Run();
        Assert.Contains(Suspend, cli.Session.Ran);
        Assert.Contains("| CORE-SUSPEND-D-01 | N/A | N/A | FAIL |", cli.Report("summary.md"), StringComparison.Ordinal);
        Assert.Contains("By version of virtio: 1 with another verdict", cli.Report("index.html"), StringComparison.Ordinal);
    }

    [Fact]
    public void An_update_of_expectations_by_an_older_version_keeps_the_entries_of_what_came_later()
    {
        using var cli = new CliRun { Checks = Checks(), Session = new ScriptedSession().On(Suspend, Verdict.Fail) };
        var file = cli.PathOf("known.yaml");
        Assert.Equal(1, cli.Run("--update-expectations", file));
        Assert.Equal(0, cli.Run("--update-expectations", file, "--spec", "1.2"));
        Assert.Contains(Suspend, File.ReadAllText(file), StringComparison.Ordinal);
    }

    [Fact]
    public void List_shows_the_checks_of_the_version()
    {
        using var cli = new CliRun { Checks = Checks() };
        Assert.Equal(0, cli.Invoke("list", "--spec", "1.2"));
        Assert.DoesNotContain(Suspend, cli.Output, StringComparison.Ordinal);
        Assert.Contains("5 of 6 checks", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Explain_says_since_when_and_what_was_there_before()
    {
        using var cli = new CliRun { Width = 200 };
        Assert.Equal(0, cli.Invoke("explain", "CORE-FEAT-D-04", "--spec", "1.2"));
        Assert.Contains("virtio 1.3. Before: The text does not forbid", cli.Output, StringComparison.Ordinal);
        Assert.Contains("not by virtio 1.2: new in virtio 1.3", cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, cli.Invoke("explain", "MMIO-REG-V-14", "--spec", "1.2"));
        Assert.Contains("QueueNum does not exceed QueueNumMax.", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_version_that_does_not_exist_exits_3()
    {
        using var cli = new CliRun();
        Assert.Equal(3, cli.Run("--spec", "1.1"));
        Assert.Contains("1.1", cli.Error, StringComparison.Ordinal);
    }

    private static CliRun Run(params string[] args)
    {
        var cli = new CliRun { Width = 200, Checks = Checks(), Session = new ScriptedSession().On(Suspend, Verdict.Fail) };
        cli.Run(args);
        return cli;
    }

    private static List<Conformance.Checks.Check> Checks() => [FakeChecks.Make(Suspend, Level.Must), .. FakeChecks.All];
}
