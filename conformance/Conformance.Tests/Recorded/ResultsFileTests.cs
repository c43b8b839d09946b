using System.Text;
using Viommu.Conformance.Recorded;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Reports;

namespace Viommu.Conformance.Tests.Recorded;

/// <summary>Results files come from anywhere: other versions, other machines, other people.</summary>
public sealed class ResultsFileTests : IDisposable
{
    private const string Minimal = """
        {
          "schema": 1,
          "spec": "1.3",
          "target": { "name": "other", "version": "2" },
          "seed": 7,
          "checks": [ { "id": "A.b", "clauses": ["A"], "level": "MUST", "verdict": "FAIL" } ],
          "clauses": [ { "id": "A", "verdict": "FAIL" } ]
        }
        """;

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("conformance-results-");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public void What_a_run_wrote_is_read_back_whole()
    {
        var run = Samples.Mixed with { Complaints = ["known.yaml:3: stale"], Strict = true, Over = false };
        var read = Samples.Recorded("here", run);
        Assert.Equal(("here", run.Spec, run.Target, run.Seed, true, false), (read.Name, read.Spec, read.Target, read.Seed, read.Strict, read.Over));
        Assert.Equal(run.FeatureNames, read.Features);
        Assert.Equal(run.Complaints, read.Complaints);
        Assert.Equal(run.Checks.Select(c => (c.Check.Id, c.Verdict, c.Observed, c.Expected, c.Milliseconds)),
            read.Checks.Select(c => (c.Id, c.Verdict, c.Observed, c.Expected, c.Milliseconds)));
        Assert.Equal(run.Clauses.Select(c => (c.Clause.Id, c.Verdict, c.Reason)), read.Clauses.Select(c => (c.Id, c.Verdict, c.Reason)));
        Assert.Equal(1UL, read.Summary["FAIL"]);
    }

    [Fact]
    public void Half_a_surrogate_pair_of_a_device_survives_as_a_replacement()
    {
        var evidence = Samples.Recorded("here", Samples.Mixed).Checks.Single(c => c.Verdict == Verdict.Fail).Evidence[1];
        Assert.Equal(Samples.Nasty.Replace('\ud800', '\ufffd'), evidence);
    }

    [Fact]
    public void What_a_later_version_adds_is_passed_over_and_what_an_earlier_one_lacks_is_made_up_for()
    {
        var read = Parse(Minimal.Replace("\"seed\": 7,", "\"seed\": 7, \"weather\": { \"is\": [\"fine\"] },", StringComparison.Ordinal));
        var check = Assert.Single(read.Checks);
        Assert.Equal((Verdict.Fail, Verdict.Fail, "", true), (check.Verdict, check.Observed, check.Actual, read.Over));
    }

    [Theory]
    [InlineData("", ":1: not JSON")]
    [InlineData("{\n\"schema\": 1,\n oops }", ":3: not JSON")]
    [InlineData("[]", ":1: results: an object is expected here")]
    [InlineData("{}", ":1: no results file: there is no 'schema'")]
    [InlineData("{\"schema\": 2}", ":1: schema 2 is not known here")]
    [InlineData("{\"schema\": 4294967297}", ":1: schema 4294967297 is not known here")]
    [InlineData("{\"schema\": 1}", ":1: not whole")]
    [InlineData("{\"schema\": -1}", ":1: schema: a number from 0")]
    [InlineData("{\"schema\": 1, \"schema\": 1}", ":1: results: 'schema' is there twice")]
    [InlineData("{\"schema\": 1,\n\"spec\": \"9.9\"}", ":2: virtio '9.9' is not known here")]
    [InlineData("{\"checks\": {}}", ":1: checks: a list is expected here")]
    [InlineData("{\"checks\": [\n\n{\"id\": \"A.b\", \"verdict\": \"MAYBE\"}]}", ":3: 'MAYBE' is no verdict")]
    [InlineData("{\"checks\": [{\"id\": \"A.b\", \"level\": \"SHALL\"}]}", ":1: 'SHALL' is no level")]
    [InlineData("{\"checks\": [{\"verdict\": \"PASS\", \"level\": \"MUST\"}]}", "is without id, level or verdict")]
    [InlineData("{\"checks\": [{\"id\": \"A.b\", \"verdict\": \"PASS\", \"level\": \"MUST\"}]}", "check 'A.b' names no clause")]
    [InlineData("{\"clauses\": [{\"id\": \"\", \"verdict\": \"PASS\"}]}", "is without id or verdict")]
    [InlineData("{\"seed\": \"one\"}", "seed: a number")]
    [InlineData("{\"over\": 1}", "over: true or false")]
    [InlineData("{\"tool\": {\"version\": 1}}", "text is expected here")]
    [InlineData("{\"target\": {\"name\": \"x\"}}", "the target has no name or no version")]
    [InlineData("{\"tool\": {\"version\": \"\\ud800\"}}", "not text")]
    [InlineData("{\"a\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}", "not JSON")]
    public void What_is_no_results_file_is_refused_with_file_line_and_cause(string text, string cause)
    {
        var error = Assert.Throws<ResultsFormatException>(() => Parse(text));
        Assert.StartsWith("results.json:", error.Message, StringComparison.Ordinal);
        Assert.Contains(cause, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void A_check_that_is_there_twice_and_text_after_the_end_are_refused()
    {
        var twice = Minimal.Replace("\"checks\": [ ", "\"checks\": [ { \"id\": \"A.b\", \"clauses\": [\"A\"], \"level\": \"MUST\", \"verdict\": \"PASS\" }, ", StringComparison.Ordinal);
        Assert.Contains("check 'A.b' is there twice", Assert.Throws<ResultsFormatException>(() => Parse(twice)).Message, StringComparison.Ordinal);
        Assert.Throws<ResultsFormatException>(() => Parse(Minimal + "{}"));
    }

    [Fact]
    public void Bytes_that_are_no_text_are_refused()
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes("{\"tool\": {\"version\": \""), 0xff, 0xfe, .. Encoding.UTF8.GetBytes("\"}}")];
        Assert.Throws<ResultsFormatException>(() => ResultsFile.Parse("x", bytes, "x"));
    }

    [Fact]
    public void Whatever_is_cut_off_or_changed_in_a_file_is_either_read_or_refused()
    {
        var whole = Encoding.UTF8.GetBytes(new JsonReport().Render(Samples.Mixed with { Clauses = [.. Samples.Mixed.Clauses.Take(3)] }));
        var random = new Random(1);
        var refused = 0;
        for (int i = 0; i < 2000; i++)
        {
            var bytes = i % 2 == 0 ? whole[..random.Next(whole.Length)] : (byte[])whole.Clone();
            if (i % 2 == 1) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            try
            {
                ResultsFile.Parse("x", bytes, "x");
            }
            catch (ResultsFormatException)
            {
                refused++;
            }
        }
        Assert.InRange(refused, 1000, 2000);
    }

    [Fact]
    public void A_file_a_report_folder_and_a_folder_of_them_can_be_named()
    {
        foreach (var name in (string[])["b", "a"]) Write(Path.Combine(name, "results.json"), Minimal);
        Assert.Equal([At("a")], ResultsFile.Load(At("a")).Select(r => r.Name));
        Assert.Equal([At("a", "results.json")], ResultsFile.Load(At("a", "results.json")).Select(r => r.Name));
        Assert.Equal([At("a"), At("b")], ResultsFile.Load(folder.FullName).Select(r => r.Name));
    }

    [Fact]
    public void What_cannot_be_read_is_named()
    {
        Directory.CreateDirectory(At("empty"));
        Assert.Contains("no results.json in this folder", Assert.Throws<ResultsFormatException>(() => ResultsFile.Load(At("empty"))).Message, StringComparison.Ordinal);
        Assert.StartsWith(At("none"), Assert.Throws<ResultsFormatException>(() => ResultsFile.Load(At("none"))).Message, StringComparison.Ordinal);
        Assert.Contains("longer than", Assert.Throws<ResultsFormatException>(() => ResultsFile.Load("/dev/zero")).Message, StringComparison.Ordinal);
    }

    private static RecordedRun Parse(string text) => ResultsFile.Parse("results.json", Encoding.UTF8.GetBytes(text), "results.json");

    private string At(params string[] parts) => Path.Combine([folder.FullName, .. parts]);

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(name))!);
        File.WriteAllText(At(name), text);
    }
}
