using System.Diagnostics;
using System.Text;
using Viommu.Conformance.Expectations;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Tests.Expectations;

public sealed class ExpectationFileTests
{
    private const string Whole = """
        # why
        - check: IOMMU-ATTACH-*
          verdict: N/A
          target: qemu*
          version: ">=7.2 <8"
          configuration: "!*packed*"
          feature: PROBE !MMIO
          reason: 'known: reserved bytes are ignored'
          url: https://example.org/1
          expires: 2027-01-31
          actual: status OK
        - {check: "IOMMU-MAP-D-01.*", verdict: CRASH, reason: r, url: u}
        """;

    [Fact]
    public void Every_key_is_read()
    {
        var entries = ExpectationFile.Parse("known.yaml", Whole);
        Assert.Equal(2, entries.Count);
        var first = entries[0];
        Assert.Equal("known.yaml:2", first.Where);
        Assert.Equal(("IOMMU-ATTACH-*", Verdict.NotApplicable, "qemu*", ">=7.2 <8"), (first.Check.Pattern, first.Verdict, first.Target?.Pattern, first.Version?.ToString()));
        Assert.Equal(("!*packed*", "PROBE !MMIO"), (first.Configuration?.ToString(), first.Feature?.ToString()));
        Assert.Equal(("known: reserved bytes are ignored", "https://example.org/1"), (first.Reason, first.Url));
        Assert.Equal((new DateOnly(2027, 1, 31), "status OK"), (first.Expires, first.Actual));
        Assert.Equal(("known.yaml:12", Verdict.Crash, null), (entries[1].Where, entries[1].Verdict, entries[1].Expires));
    }

    [Fact]
    public void An_empty_list_expects_nothing() => Assert.Empty(ExpectationFile.Parse("known.yaml", "# nothing\n[]\n"));

    [Theory]
    [InlineData("", "1: the file is empty")]
    [InlineData("# only a comment\n", "1: the file is empty")]
    [InlineData("-\0{\nO", " not YAML")]
    [InlineData("check: X\n", "1: a list of entries is expected")]
    [InlineData("- X\n", "1: an entry is expected")]
    [InlineData("- check: X\n  verdict: FAIL\n  reason: r\n", "1: the entry has no 'url'")]
    [InlineData("- check: X\n  verdict: FAIL\n  url: u\n", "1: the entry has no 'reason'")]
    [InlineData("- check: X\n  verdict: FAIL\n  url: u\n  reason: \n", "4: 'reason' is empty")]
    [InlineData("- check: X\n  verdict: BROKEN\n", "2: 'BROKEN' is no verdict to expect; there are FAIL, WARN, CRASH, TIMEOUT, N/A")]
    [InlineData("- check: X\n  verdict: PASS\n", "2: 'PASS' is no verdict to expect")]
    [InlineData("- check: X\n  check: Y\n", "2: 'check' is there twice")]
    [InlineData("- check: X\n  colour: red\n", "2: unknown key 'colour'")]
    [InlineData("- check: [X]\n", "1: 'check' takes plain text")]
    [InlineData("- check: X\n  verdict: FAIL\n  reason: r\n  url: u\n  expires: 31.1.2027\n", "5: '31.1.2027' is no date")]
    [InlineData("- check: X\n  verdict: FAIL\n  reason: r\n  url: u\n  expires: 2027-02-30\n", "5: '2027-02-30' is no date")]
    [InlineData("- check: X\n  verdict: FAIL\n  reason: r\n  url: u\n  version: '>=seven'\n", "5: '>=seven' is no comparison")]
    [InlineData("- check: X\n  verdict: FAIL\n  reason: r\n  url: u\n  feature: PROBING\n", "5: 'PROBING' is no feature; write a name of the spec")]
    [InlineData("- check: X\n  verdict: FAIL\n  reason: r\n  url: u\n  feature: '!'\n", "5: '' is no feature")]
    [InlineData("- check: X\n  verdict: FAIL\n  reason: r\n  url: u\n  feature: PROBE !probe\n", "5: 'PROBE' cannot be offered and not offered")]
    [InlineData("- check: X\n  verdict: FAIL\n  reason: r\n  url: u\n  configuration: '! '\n", "5: '!' is no condition")]
    [InlineData("[]\n---\n[]\n", "2: a second document")]
    [InlineData("- check: 'X\n", "not YAML")]
    [InlineData("- check: X\n  verdict: \"\\q\"\n", "2: not YAML")]
    [InlineData("- check: *a\n", "1: 'check' takes plain text")]
    public void A_mistake_is_told_with_file_line_and_cause(string text, string message)
    {
        var error = Assert.Throws<ExpectationFormatException>(() => ExpectationFile.Parse("known.yaml", text));
        Assert.StartsWith("known.yaml:", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [MemberData(nameof(Hostile))]
    public void Hostile_input_is_refused_at_once(string kind, string text)
    {
        var clock = Stopwatch.StartNew();
        Assert.Throws<ExpectationFormatException>(() => ExpectationFile.Parse(kind, text));
        // It takes milliseconds; what grows with a power of the input would take hours.
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromMinutes(2));
    }

    public static TheoryData<string, string> Hostile()
    {
        var laughs = new StringBuilder("a: &a [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n");
        for (char c = 'b'; c <= 'z'; c++) laughs.Append($"{c}: &{c} [{string.Join(',', Enumerable.Repeat($"*{(char)(c - 1)}", 9))}]\n");
        return new()
        {
            { "billion laughs", laughs.ToString() },
            { "deep sequences", new string('[', 1 << 20) },
            { "deep mappings", "- " + new string('{', 1 << 20) },
            { "deep blocks", string.Concat(Enumerable.Repeat("- ", 1 << 19)) },
            { "one long word", new string('x', 1 << 20) },
            { "noise", new string('\u0001', 1000) },
        };
    }

    [Fact]
    public void A_huge_file_is_refused_unread()
    {
        var path = Path.GetTempFileName();
        try
        {
            using (var file = File.OpenWrite(path)) file.SetLength(1L << 31);
            var error = Assert.Throws<ExpectationFormatException>(() => ExpectationFile.Load(path));
            Assert.Contains("longer than 1048576 bytes", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_file_that_is_not_there_is_told_in_one_line()
    {
        var error = Assert.Throws<ExpectationFormatException>(() => ExpectationFile.Load("/nowhere/known.yaml"));
        Assert.StartsWith("/nowhere/known.yaml: cannot be read", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(">=7.2 <8", "7.2.22 (Debian 1:7.2+dfsg-7)", true)]
    [InlineData(">=7.2 <8", "8.0.0", false)]
    [InlineData(">=7.2 <8", "7.10", true)]
    [InlineData("=7.2", "7.2.0", true)]
    [InlineData("<=7.2", "7.2.1", false)]
    [InlineData(">7.2", "7.2", false)]
    [InlineData("7.2.*", "7.2.22", true)]
    [InlineData("7.2.*", "7.20.1", false)]
    [InlineData(">=1", "nightly", false)]
    public void A_condition_on_versions_compares_number_by_number(string condition, string version, bool holds) =>
        Assert.Equal(holds, new VersionCondition(condition).Holds(version));
}
