using System.Text.Json;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Reports;
using Viommu.Conformance.Tests.Running;

namespace Viommu.Conformance.Tests.Program;

/// <summary>What a run tells other programs as it goes.</summary>
public sealed class OutputTests
{
    [Fact]
    public void A_stream_has_a_line_for_the_start_each_result_and_the_end()
    {
        using var cli = new CliRun { Session = new ScriptedSession().On(FakeChecks.Attach, Verdict.Fail, "INVAL", $"OK {Samples.Nasty}") };
        var file = cli.PathOf("stream.ndjson");
        Assert.Equal(1, cli.Run("--stream", file, "--skip", FakeChecks.Unmap));
        var events = File.ReadAllLines(file).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(["start", "check", "check", "check", "check", "end"], events.Select(e => e.GetProperty("event").GetString()));
        Assert.Equal(4, events[0].GetProperty("checks").GetInt32());
        Assert.Equal(("FAIL", FakeChecks.Attach), (events[2].GetProperty("verdict").GetString(), events[2].GetProperty("id").GetString()));
        Assert.Equal(1, events[^1].GetProperty("exit").GetInt32());
        Assert.Contains("1 FAIL: exit 1", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void On_standard_output_there_is_nothing_but_the_stream()
    {
        using var cli = new CliRun { Session = new ScriptedSession().On(FakeChecks.Attach, Verdict.Fail) };
        Assert.Equal(1, cli.Run("--stream", "-"));
        Assert.Equal(7, cli.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Count(line => JsonDocument.Parse(line).RootElement.TryGetProperty("event", out _)));
        Assert.Contains("\"FAIL\"", cli.Report("results.json"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_stream_that_cannot_be_written_exits_2_before_the_run()
    {
        using var cli = new CliRun();
        Assert.Equal(2, cli.Run("--stream", Path.Combine(cli.Write("file", ""), "stream")));
        Assert.Empty(cli.Session.Ran);
    }

    [Fact]
    public void Annotations_are_whole_lines_that_a_device_s_words_cannot_break()
    {
        using var cli = new CliRun
        {
            Width = 40,
            Session = new ScriptedSession().On(FakeChecks.Attach, Verdict.Fail, "INVAL", "100 % wrong\n::warning::no\r::x").On(FakeChecks.Map, Verdict.Warn, "RANGE", "OK"),
        };
        Assert.Equal(1, cli.Run("--annotate", "github"));
        var annotations = cli.Output.Split('\n').Where(line => line.StartsWith("::", StringComparison.Ordinal)).ToList();
        Assert.Equal(2, annotations.Count);
        Assert.StartsWith("::error title=FAIL IOMMU-ATTACH-D-01::model 1.2.3: ", annotations[0], StringComparison.Ordinal);
        Assert.Contains("100 %25 wrong%0A::warning::no%0A::x", annotations[0], StringComparison.Ordinal);
        Assert.StartsWith("::warning title=WARN IOMMU-MAP-D-01::", annotations[1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_ended_early_and_a_stale_expectation_are_annotated()
    {
        using var cli = new CliRun { Session = new ScriptedSession().On(FakeChecks.Status, Verdict.Fail) };
        var known = cli.Write("known.yaml", "- check: NONE-*\n  verdict: FAIL\n  reason: r\n  url: u\n");
        Assert.Equal(1, cli.Run("--annotate", "github", "--max-failures", "1", "--expect", known));
        Assert.Contains("::error title=MISSING::model 1.2.3: 4 checks have no result", cli.Output, StringComparison.Ordinal);
        Assert.Contains("::error title=stale expectation::", cli.Output, StringComparison.Ordinal);
    }
}
