using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Tests.Watching;
using Viommu.Conformance.Watching.Traces;
using Viommu.Conformance.Watching;

namespace Viommu.Conformance.Tests.Program;

public sealed class WatchCommandTests
{
    private static readonly string Boot = Path.Combine(Watch.Traces, "linux-6.12-vfio-user.jsonl.gz");

    [Fact]
    public void The_suites_own_driver_is_watched_and_reported()
    {
        using var cli = Cli("CORE-STATUS-V-02");
        Assert.Equal(0, cli.Run("watch"));
        Assert.Contains("PASS    CORE-STATUS-V-02", cli.Output, StringComparison.Ordinal);
        Assert.Contains("\"CORE-STATUS-V-02\"", cli.Report("results.json"), StringComparison.Ordinal);
        Assert.Contains("CORE-STATUS-V-02", cli.Report("index.html"), StringComparison.Ordinal);
        Assert.Contains("Binds the device; the driver is under test", cli.Report("results.json"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_broken_driver_is_found_and_exits_1()
    {
        using var cli = Cli("CORE-STATUS-V-02");
        Assert.Equal(1, cli.Run("watch", "--broken", "clears ACKNOWLEDGE"));
        Assert.Contains("FAIL    CORE-STATUS-V-02", cli.Output, StringComparison.Ordinal);
        Assert.Contains("Acknowledge is cleared", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_broken_driver_exits_3()
    {
        using var cli = Cli("CORE-STATUS-V-02");
        Assert.Equal(3, cli.Run("watch", "--broken", "eats its socks"));
        Assert.Contains("no broken driver is called 'eats its socks'", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_recorded_trace_is_judged()
    {
        using var cli = Cli("IOMMU-UNMAP-V-02");
        Assert.Equal(0, cli.Run("watch", Boot));
        Assert.Contains("trace linux-6.12-vfio-user.jsonl.gz", cli.Output, StringComparison.Ordinal);
        Assert.Contains("PASS    IOMMU-UNMAP-V-02", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_trace_does_not_show_is_not_applicable()
    {
        using var cli = Cli("CORE-CLEANUP-V-01");
        Assert.Equal(0, cli.Run("watch", Boot));
        Assert.Contains("what was watched does not show Memory", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_trace_that_breaks_a_SHOULD_exits_1_where_that_is_asked_for()
    {
        using var cli = Cli("IOMMU-UNMAP-V-02");
        var trace = cli.Write("guest.log", "virtio_iommu_system_reset system reset!\nvirtio_iommu_attach domain=1 endpoint=32\nvirtio_iommu_unmap domain=1 virt_start=0x0 virt_end=0xfff\n");
        Assert.Equal(0, cli.Run("watch", trace));
        Assert.Equal(1, cli.Run("watch", trace, "--strict"));
        Assert.Contains("guest.log:3: < UNMAP domain=1", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_known_deviation_of_a_driver_is_expected()
    {
        using var cli = Cli("IOMMU-UNMAP-V-02");
        var trace = cli.Write("guest.log", "virtio_iommu_system_reset system reset!\nvirtio_iommu_attach domain=1 endpoint=32\nvirtio_iommu_unmap domain=1 virt_start=0x0 virt_end=0xfff\n");
        var known = cli.Write("known.yaml", "- check: \"IOMMU-UNMAP-V-02.*\"\n  verdict: WARN\n  reason: known\n  url: https://example.org/1\n");
        Assert.Equal(0, cli.Run("watch", trace, "--strict", "--expect", known));
        Assert.Contains("XFAIL   IOMMU-UNMAP-V-02", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_broken_trace_is_named_with_its_line_and_exits_3()
    {
        using var cli = Cli("CORE-STATUS-V-02");
        Assert.Equal(3, cli.Run("watch", cli.Write("guest.jsonl", "{\"op\": \"rd\"}\n")));
        Assert.Contains("guest.jsonl:1: there is no field 'region'", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_trace_has_no_target()
    {
        using var cli = Cli("CORE-STATUS-V-02");
        Assert.Equal(3, cli.Run("watch", Boot, "--target", "model"));
        Assert.Contains("not for traces", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_scripts_of_the_corpus_are_what_is_exported_of_its_traces()
    {
        using var cli = Cli("IOMMU-UNMAP-V-02");
        var scripts = Path.Combine(Watch.Traces, "..", "scripts");
        string[] traces = [.. Directory.GetFiles(Watch.Traces).Where(trace => File.Exists(Path.Combine(scripts, TraceFile.NameOf(trace) + ".viommu"))).Order()];
        Assert.Equal(0, cli.Run(["watch", .. traces, "--export", cli.PathOf("exported")]));
        Assert.NotEmpty(traces);
        Assert.Equal(traces.Length, Directory.GetFiles(scripts).Length);
        foreach (var trace in traces)
        {
            var name = TraceFile.NameOf(trace) + ".viommu";
            Assert.Equal(File.ReadAllText(Path.Combine(scripts, name)), File.ReadAllText(Path.Combine(cli.PathOf("exported"), name)));
        }
    }

    [Fact]
    public void What_real_guests_asked_the_reference_device_answers_as_the_spec_allows()
    {
        using var cli = Cli("IOMMU-UNMAP-V-02");
        var scripts = Directory.GetFiles(Path.Combine(Watch.Traces, "..", "scripts"));
        Assert.Equal(0, cli.Invoke(["replay", .. scripts]));
        Assert.Equal(scripts.Length, cli.Output.Split("breaks no clause").Length - 1);
    }

    [Fact]
    public void A_rule_left_out_is_skipped()
    {
        using var cli = Cli("CORE-STATUS-V-02");
        Assert.Equal(0, cli.Run("watch", Boot, "--skip", "*"));
        Assert.Contains("left out by --skip", cli.Report("results.json"), StringComparison.Ordinal);
    }

    private static CliRun Cli(string clause) => new()
    {
        OnRealTarget = true,
        Width = 1000,
        Rules = [.. Watch.Rules.Where(rule => rule.Clauses[0] == clause)],
        Catalogue = ClauseCatalogue.Load(),
    };
}
