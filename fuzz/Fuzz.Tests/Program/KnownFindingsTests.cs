using System.Text.Json;
using System.Xml.Linq;
using Viommu.Fuzz.Expectations;

namespace Viommu.Fuzz.Tests.Program;

/// <summary>A campaign as the gate of a device with bugs that are known: only what is new is red.</summary>
public sealed class KnownFindingsTests : IDisposable
{
    private const string Broken = "broken:answers UNMAP on a missing domain with OK";
    private const string Key = "IOMMU-UNMAP-D-03|||unmap Answer Ok";

    private readonly FuzzRun _fuzz = new();

    public void Dispose() => _fuzz.Dispose();

    [Fact]
    public void A_campaign_that_wrote_down_what_it_found_is_green_the_next_time_and_goes_on_behind_it()
    {
        Assert.Equal(1, Campaign("--update-expectations", Known));
        var entry = Assert.Single(KnownFindingFile.Load(Known));
        Assert.Equal((Key, "request", Broken, "none yet"), (entry.Key.Pattern, entry.Target!.Pattern, entry.Device!.Pattern, entry.Url));
        Assert.StartsWith("not explained yet; seen: unmap breaks IOMMU-UNMAP-D-03", entry.Reason);

        Assert.Equal(0, Campaign("--expect", Known));
        Assert.Contains($"KNOWN {Key}: not explained yet", _fuzz.Output);
        Assert.DoesNotContain("FOUND", _fuzz.Output);
        Assert.Contains("3000 executions", _fuzz.Output);
        Assert.Contains("findings 0, known 1", _fuzz.Output);
        var suite = XDocument.Load(_fuzz.PathOf("junit.xml")).Root!.Element("testsuite")!;
        Assert.Equal(("0", "1"), ((string?)suite.Attribute("failures"), (string?)suite.Attribute("skipped")));
        Assert.StartsWith("known: not explained yet", (string?)suite.Element("testcase")!.Element("skipped")!.Attribute("message"));
        var result = JsonDocument.Parse(File.ReadAllText(_fuzz.PathOf("findings.sarif"))).RootElement.GetProperty("runs")[0].GetProperty("results")[0];
        Assert.Equal("external", result.GetProperty("suppressions")[0].GetProperty("kind").GetString());

        // What is written again stays as somebody has completed it.
        File.WriteAllText(Known, Entry(Key, "a bug of ours"));
        Assert.Equal(0, Campaign("--update-expectations", Known));
        Assert.Equal("a bug of ours", Assert.Single(KnownFindingFile.Load(Known)).Reason);
    }

    [Fact]
    public void What_the_file_that_is_written_holds_stays_beside_another_that_is_read()
    {
        string expected = _fuzz.PathOf("expected.yaml");
        File.WriteAllText(expected, Entry("IOMMU-MAP-D-01|*", "read"));
        File.WriteAllText(Known, Entry(Key, "explained by hand"));
        for (int times = 0; times < 2; times++)
        {
            Assert.Equal(0, Campaign("--expect", expected, "--update-expectations", Known));
            Assert.Equal([(Key, "explained by hand"), ("IOMMU-MAP-D-01|*", "read")], KnownFindingFile.Load(Known).Select(entry => (entry.Key.Pattern, entry.Reason)));
        }

        Assert.Equal(Entry("IOMMU-MAP-D-01|*", "read"), File.ReadAllText(expected));
    }

    [Theory]
    [InlineData("IOMMU-UNMAP-D-03|*", "", 0)]
    [InlineData("IOMMU-UNMAP-*", "target: req*\n  device: \"broken:*\"", 0)]
    [InlineData("IOMMU-MAP-*", "", 1)]
    [InlineData("*", "target: sequence", 1)]
    [InlineData("*", "device: qemu", 1)]
    [InlineData("*", "expires: 2999-01-01", 0)]
    [InlineData("*", "expires: 2020-01-01", 1)]
    public void A_finding_is_known_by_its_key_its_target_and_its_device_until_its_day_is_over(string key, string condition, int exit)
    {
        File.WriteAllText(Known, Entry(key, "because", condition));
        Assert.Equal(exit, Campaign("--expect", Known));
        Assert.Equal(exit == 1, _fuzz.Output.Contains($"FOUND {Key}", StringComparison.Ordinal));
        Assert.Equal(condition.Contains("2020", StringComparison.Ordinal), _fuzz.Output.Contains("EXPIRED ", StringComparison.Ordinal));
    }

    [Fact]
    public void An_entry_that_has_expired_is_red_by_itself()
    {
        File.WriteAllText(Known, Entry("IOMMU-MAP-D-01|*", "because", "expires: 2020-01-01"));
        Assert.Equal(1, On("model", "--expect", Known));
        Assert.Contains($"EXPIRED {Known}:1: 'IOMMU-MAP-D-01|*' expired on 2020-01-01", _fuzz.Output);
        Assert.Equal("1", (string?)XDocument.Load(_fuzz.PathOf("junit.xml")).Root!.Element("testsuite")!.Attribute("failures"));
    }

    [Fact]
    public void What_did_not_come_up_is_listed_and_red_where_that_is_asked_for()
    {
        File.WriteAllText(Known, Entry("IOMMU-MAP-D-01|*", "because") + Entry("*", "of another target", "target: sequence"));
        Assert.Equal(0, On("model", "--expect", Known));
        Assert.Contains($"NOT SEEN {Known}:1: 'IOMMU-MAP-D-01|*' did not come up: because (u)", _fuzz.Output);
        Assert.DoesNotContain("of another target", _fuzz.Output);
        Assert.Contains("did not come up", File.ReadAllText(_fuzz.PathOf("summary.md")));
        Assert.Equal(1, On("model", "--expect", Known, "--strict"));
        Assert.Equal("1", (string?)XDocument.Load(_fuzz.PathOf("junit.xml")).Root!.Element("testsuite")!.Attribute("failures"));
    }

    [Theory]
    [InlineData("- key: x\n  reason: y\n", "known.yaml:1: the entry has no 'url'")]
    [InlineData("- key: x\n  reason: y\n  url: z\n  expires: tomorrow\n", "known.yaml:4: 'tomorrow' is no date")]
    [InlineData("- check: x\n", "unknown key 'check'; there are key, target, device, reason, url, expires")]
    [InlineData("key: x\n", "each beginning with '- key:'")]
    public void A_file_that_makes_no_sense_gets_its_line_and_exit_code_3(string text, string complaint)
    {
        File.WriteAllText(Known, text);
        Assert.Equal(3, Campaign("--expect", Known));
        Assert.Contains(complaint, _fuzz.Error);
        Assert.Single(_fuzz.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public void A_summary_and_annotations_tell_what_is_new()
    {
        Assert.Equal(1, Campaign("--annotate", "github"));
        string line = Assert.Single(_fuzz.Output.Split('\n'), line => line.StartsWith("::error ", StringComparison.Ordinal));
        Assert.StartsWith($"::error title=fuzz request%3A IOMMU-UNMAP-D-03::{Broken}: unmap breaks IOMMU-UNMAP-D-03", line);
        Assert.Contains("Allowed: NOENT (IOMMU-UNMAP-D-03)", line);
        string summary = File.ReadAllText(_fuzz.PathOf("summary.md"));
        Assert.StartsWith("# virtio-iommu fuzzing: request on broken:answers UNMAP", summary);
        Assert.Contains("| new findings | 1 |", summary);
        Assert.Matches(@"\| executions \| [1-9][0-9]* \|", summary);
        Assert.Contains("UNMAP on a missing domain reports S_NOENT", summary);
        Assert.Contains("Again: `fuzz replay --target request --device ", summary);

        File.WriteAllText(Known, Entry("*", "an *old* bug"));
        Assert.Equal(0, Campaign("--expect", Known, "--annotate", "github"));
        Assert.DoesNotContain("::error", _fuzz.Output);
        Assert.Contains($"- `{Key}`: an \\*old\\* bug (u)", File.ReadAllText(_fuzz.PathOf("summary.md")));
    }

    private string Known => _fuzz.PathOf("known.yaml");

    private int Campaign(params string[] args) => On(Broken, args);

    private int On(string device, params string[] args) =>
        _fuzz.Run(["run", "request", "--seed", "7", "--runs", "3000", "--device", device, "--report", _fuzz.Folder, "--corpus", _fuzz.PathOf(Guid.NewGuid().ToString("N")), .. args]);

    private static string Entry(string key, string reason, string condition = "") =>
        $"- key: \"{key}\"\n  reason: \"{reason}\"\n  url: u\n{(condition.Length > 0 ? $"  {condition}\n" : "")}";
}
