using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Tests.Program;

public sealed class RunCommandTests : IDisposable
{
    // A device that answers UNMAP of a missing domain with OK: one request shows it.
    private const string Broken = "broken:answers UNMAP on a missing domain with OK";

    private readonly FuzzRun _fuzz = new();

    public void Dispose() => _fuzz.Dispose();

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("{\"key\": \"a|||\", \"target\": \"request\"}")]
    public void A_file_that_is_no_finding_is_named_by_triage(string text)
    {
        string file = _fuzz.PathOf("other.json");
        File.WriteAllText(file, text);
        Assert.Equal(3, _fuzz.Run("triage", _fuzz.Folder));
        Assert.Contains($"{file} is no finding", _fuzz.Error);
    }

    [Fact]
    public void A_campaign_leaves_statistics_a_corpus_and_reports_without_findings()
    {
        Assert.Equal(0, Campaign("request", "--runs", "4000"));
        var last = Statistics()[^1];
        Assert.Equal(4000, last.GetProperty("execs").GetInt64());
        foreach (var name in (string[])["seconds", "operations", "corpus", "edges", "states"]) Assert.True(last.GetProperty(name).GetDouble() > 0, name);
        Assert.Contains(Statistics(), second => second.GetProperty("execs_per_sec").GetDouble() > 0);
        Assert.Equal(0, last.GetProperty("findings").GetInt32());
        Assert.Equal(last.GetProperty("corpus").GetInt32(), Inputs("request").Count);
        Assert.Equal("0", (string?)XDocument.Load(_fuzz.PathOf("junit.xml")).Root!.Element("testsuite")!.Attribute("failures"));
        Assert.Contains("seed 7,", _fuzz.Output);
    }

    [Fact]
    public void The_next_campaign_goes_on_from_the_corpus_of_the_last()
    {
        Campaign("request", "--runs", "4000");
        int before = Inputs("request").Count;
        Campaign("request", "--runs", "1000");
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"{before} inputs from"), _fuzz.Output);
        Assert.True(Statistics()[^1].GetProperty("corpus").GetInt32() > 10);
    }

    [Fact]
    public void A_broken_device_is_found_replayed_minimised_and_triaged_by_the_same_key()
    {
        Assert.Equal(1, Campaign("request", "--runs", "200000", "--device", Broken));
        string input = Assert.Single(Findings("request"));
        var record = JsonDocument.Parse(File.ReadAllText(Assert.Single(Directory.GetFiles(_fuzz.PathOf("findings"), "*.json")))).RootElement;
        string key = record.GetProperty("key").GetString()!;
        Assert.StartsWith("IOMMU-UNMAP-D-03|", key);
        Assert.Contains(key, _fuzz.Output);
        var suite = XDocument.Load(_fuzz.PathOf("junit.xml")).Root!.Element("testsuite")!;
        Assert.Equal("1", (string?)suite.Attribute("failures"));
        RequireStory(_fuzz.Output);
        RequireStory(suite.Element("testcase")!.Element("failure")!.Value);
        RequireStory(string.Join('\n', record.GetProperty("story").EnumerateObject().Select(property => property.Value.ToString())));
        var sarif = JsonDocument.Parse(File.ReadAllText(_fuzz.PathOf("findings.sarif"))).RootElement;
        var result = sarif.GetProperty("runs")[0].GetProperty("results")[0];
        Assert.Equal("IOMMU-UNMAP-D-03", result.GetProperty("ruleId").GetString());
        string uri = result.GetProperty("locations")[0].GetProperty("physicalLocation").GetProperty("artifactLocation").GetProperty("uri").GetString()!;
        Assert.True(File.Exists(new Uri(uri).LocalPath), uri);
        string text = result.GetProperty("message").GetProperty("text").GetString()!;
        Assert.Contains($"fuzz replay --target request --device '{Broken}' {input})", text);
        RequireStory(text);
        Assert.Contains("S_NOENT", sarif.GetProperty("runs")[0].GetProperty("tool").GetProperty("driver").GetProperty("rules")[0].GetProperty("shortDescription").GetProperty("text").GetString());

        Assert.Equal(1, _fuzz.Run("replay", input, "--target", "request", "--device", Broken));
        Assert.Contains(key, _fuzz.Output);
        RequireStory(_fuzz.Output);
        Assert.Equal(0, _fuzz.Run("replay", input, "--target", "request", "--device", "model"));

        string smallest = _fuzz.PathOf("smallest" + TargetList.Find("request").Format.Extension);
        Assert.Equal(0, _fuzz.Run("minimize", input, "--target", "request", "--device", Broken, "-o", smallest));
        Assert.Equal(1, _fuzz.Run("replay", smallest, "--target", "request", "--device", Broken));
        Assert.Contains(key, _fuzz.Output);

        Assert.Equal(1, _fuzz.Run("triage", _fuzz.Folder));
        Assert.Matches("now +same\n", _fuzz.Output);
        Assert.Contains(Broken, _fuzz.Output);
        Assert.Matches("seed +7\n", _fuzz.Output);
        Assert.Contains($"fuzz replay --target request --device '{Broken}' {input}\n", _fuzz.Output);
        RequireStory(_fuzz.Output);
        Assert.Equal(0, _fuzz.Run("triage", _fuzz.Folder, "--device", "model", "-o", _fuzz.PathOf("triage.json")));
        Assert.Matches("now +gone\n", _fuzz.Output);
        var row = JsonDocument.Parse(File.ReadAllText(_fuzz.PathOf("triage.json"))).RootElement[0];
        Assert.Equal((key, "gone", "model"), (row.GetProperty("key").GetString(), row.GetProperty("now").GetString(), row.GetProperty("device").GetString()));
        RequireStory(string.Join('\n', row.GetProperty("story").EnumerateArray().Select(line => line.GetString())));
        Assert.Equal(0, _fuzz.Run("triage", _fuzz.Folder, "--device", "model", "--output", _fuzz.PathOf("triage.md")));
        string markdown = File.ReadAllText(_fuzz.PathOf("triage.md"));
        Assert.StartsWith("# Findings: 1, 1 gone\n", markdown);
        RequireStory(markdown);
        Assert.Equal(3, _fuzz.Run("triage", _fuzz.Folder, "-o", _fuzz.PathOf("triage.txt")));
        Assert.False(File.Exists(_fuzz.PathOf("triage.txt")));
    }

    [Fact]
    public void A_finding_is_made_small_unless_it_is_to_stay_as_it_was_found()
    {
        Assert.Equal(1, Campaign("sequence", "--runs", "200000", "--device", Broken));
        string small = Assert.Single(Findings("sequence"));
        string original = Path.ChangeExtension(small, ".original" + Path.GetExtension(small));
        Assert.Equal(Path.GetFileName(original), Record(small).GetProperty("original").GetString());
        Assert.Equal(1, Record(small).GetProperty("story").GetProperty("step").GetInt32());
        Assert.Equal(1, _fuzz.Run("replay", small, original, "--target", "sequence", "--device", Broken));
        Assert.Equal(2, _fuzz.Output.Split('\n').Count(line => line.EndsWith(Record(small).GetProperty("key").GetString()!, StringComparison.Ordinal)));
        byte[] found = File.ReadAllBytes(original);

        Directory.Delete(_fuzz.PathOf("findings"), recursive: true);
        Assert.Equal(1, Campaign("sequence", "--runs", "200000", "--device", Broken, "--no-minimize", "--corpus", _fuzz.PathOf("other")));
        Assert.Equal(found, File.ReadAllBytes(Assert.Single(Findings("sequence"))));
        Assert.False(File.Exists(original));
        Assert.Equal(JsonValueKind.Null, Record(small).GetProperty("original").ValueKind);

        static JsonElement Record(string input) => JsonDocument.Parse(File.ReadAllText(Path.ChangeExtension(input, ".json"))).RootElement;
    }

    [Fact]
    public void A_part_of_a_devices_name_is_kept_in_full()
    {
        Assert.Equal(1, Campaign("request", "--runs", "200000", "--device", "broken:UNMAP on a missing domain"));
        Assert.Equal(1, _fuzz.Run("triage", _fuzz.Folder));
        Assert.Contains(Broken, _fuzz.Output);
    }

    [Fact]
    public void The_next_campaign_keeps_a_finding_in_as_short_an_input_for_as_long_as_it_is_one()
    {
        Assert.Equal(1, Campaign("request", "--runs", "200000", "--device", Broken));
        string input = Assert.Single(Findings("request"));
        Assert.Equal(1, Another("other"));
        Assert.Equal(7, SeedOfFinding());
        Assert.Contains(input, _fuzz.Output);

        // As if the device had been repaired in part.
        File.WriteAllBytes(input, TargetList.Find("request").Format.ToFile(TargetList.Find("request").Seeds().First().Input));
        Assert.Equal(1, Another("third"));
        Assert.Equal(8, SeedOfFinding());
        Assert.Equal(1, _fuzz.Run("replay", input, "--target", "request", "--device", Broken));

        int Another(string corpus) => _fuzz.Run("run", "request", "--seed", "8", "--runs", "200000", "--device", Broken, "--report", _fuzz.Folder, "--corpus", _fuzz.PathOf(corpus));

        int SeedOfFinding() => JsonDocument.Parse(File.ReadAllText(Path.ChangeExtension(input, ".json"))).RootElement.GetProperty("seed").GetInt32();
    }

    [Fact]
    public void Statistics_go_on_where_the_last_campaign_was_even_if_it_was_killed()
    {
        Campaign("request", "--runs", "2000");
        double before = Statistics()[^1].GetProperty("seconds").GetDouble();
        File.AppendAllText(_fuzz.PathOf("stats.ndjson"), "{\"seconds\":1,\"ex");
        Campaign("request", "--runs", "1000");
        Assert.Equal(3000, Statistics()[^1].GetProperty("execs").GetInt64());
        Assert.Equal(Statistics().Select(line => line.GetProperty("seconds").GetDouble()).Order(), Statistics().Select(line => line.GetProperty("seconds").GetDouble()));
        Assert.True(Statistics()[^1].GetProperty("seconds").GetDouble() > before);
    }

    [Fact]
    public void Two_campaigns_do_not_share_a_corpus_folder()
    {
        using var other = CorpusFolder.Open(_fuzz.PathOf("corpus"), RawFormat.Instance);
        Assert.Equal(2, Campaign("request", "--runs", "10"));
        Assert.Contains("in use by another run", _fuzz.Error);
    }

    [Theory]
    [InlineData("run", "nothing")]
    [InlineData("run", "request", "--seed", "x")]
    [InlineData("run", "request", "--jobs", "0")]
    [InlineData("run", "request", "--device", "toaster")]
    [InlineData("run", "request", "--device", "broken:no such name")]
    [InlineData("replay", "/nowhere/at/all", "--target", "request")]
    [InlineData("stats", "/nowhere/at/all")]
    [InlineData("frobnicate")]
    public void What_makes_no_sense_gets_one_line_and_exit_code_3(params string[] args)
    {
        Assert.Equal(3, _fuzz.Run(args));
        Assert.StartsWith("fuzz: ", _fuzz.Error);
        Assert.Single(_fuzz.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public void Folders_that_cannot_be_written_get_one_line_and_exit_code_2()
    {
        File.WriteAllText(_fuzz.PathOf("file"), "");
        Assert.Equal(2, _fuzz.Run("run", "request", "--report", Path.Combine(_fuzz.PathOf("file"), "below")));
        Assert.Single(_fuzz.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public void Merging_keeps_what_a_corpus_reaches_and_drops_what_adds_nothing()
    {
        Campaign("request", "--runs", "4000");
        Assert.Equal(0, _fuzz.Run("merge", "request", _fuzz.PathOf("small"), _fuzz.PathOf("corpus"), "--raw"));
        int small = Directory.GetFiles(_fuzz.PathOf("small"), "*.bin").Length;
        Assert.InRange(small, 1, Inputs("request").Count);
        Assert.Equal(0, _fuzz.Run("merge", "request", _fuzz.PathOf("again"), _fuzz.PathOf("small"), "--raw"));
        Assert.Equal(small, Directory.GetFiles(_fuzz.PathOf("again"), "*.bin").Length);
    }

    [Fact]
    public void Statistics_are_drawn_and_coverage_is_shown_by_line()
    {
        Campaign("request", "--runs", "2000");
        Assert.Equal(0, _fuzz.Run("stats", _fuzz.Folder));
        Assert.Contains("polyline", File.ReadAllText(_fuzz.PathOf("stats.svg")));
        Assert.Equal(0, _fuzz.Run("coverage", "request", "--corpus", _fuzz.PathOf("corpus"), "-o", _fuzz.PathOf("coverage.html")));
        string html = File.ReadAllText(_fuzz.PathOf("coverage.html"));
        Assert.Contains("MapHandler.cs", html);
        Assert.Contains("class=\"y\"", html);
    }

    [Fact]
    public void Coverage_is_the_same_in_every_format()
    {
        Assert.Equal(0, _fuzz.Run("coverage", "request", "split-ring", "-o", _fuzz.PathOf("c.html"), "--cobertura", _fuzz.PathOf("new/c.xml"), "--lcov", _fuzz.PathOf("c.info")));
        var totals = Regex.Match(_fuzz.Output, "^lines ([0-9]+) of ([0-9]+) .*, edges ([0-9]+) of ([0-9]+) ").Groups.Values.Skip(1).Select(number => int.Parse(number.Value, CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(4, totals.Count);
        Assert.All(totals, total => Assert.InRange(total, 100, 100_000));

        var xml = XDocument.Load(_fuzz.PathOf("new/c.xml")).Root!;
        Assert.Equal(totals, ((string[])["lines-covered", "lines-valid", "branches-covered", "branches-valid"]).Select(name => (int)xml.Attribute(name)!));
        var lines = xml.Descendants("line").ToList();
        var branches = lines.Where(line => (bool)line.Attribute("branch")!)
            .Select(line => Regex.Match((string)line.Attribute("condition-coverage")!, @"^[0-9]+% \(([0-9]+)/([0-9]+)\)$").Groups).Select(both => (Taken: int.Parse(both[1].Value), All: int.Parse(both[2].Value))).ToList();
        Assert.Equal(totals, [lines.Count(line => (int)line.Attribute("hits")! > 0), lines.Count, branches.Sum(line => line.Taken), branches.Sum(line => line.All)]);
        Assert.All(xml.Descendants("class"), file => Assert.True(File.Exists(Path.Combine((string)xml.Element("sources")!.Element("source")!, (string)file.Attribute("filename")!))));
        Assert.All(xml.Descendants().Attributes("line-rate").Concat(xml.Descendants().Attributes("branch-rate")), rate => Assert.InRange((double)rate, 0, 1));

        var lcov = File.ReadAllLines(_fuzz.PathOf("c.info"));
        Assert.Equal(totals, ((string[])["LH:", "LF:", "BRH:", "BRF:"]).Select(key => lcov.Where(line => line.StartsWith(key)).Sum(line => int.Parse(line[key.Length..]))));
        Assert.Equal(totals, [Lcov("DA:", ",1"), Lcov("DA:", ""), Lcov("BRDA:", ",1"), Lcov("BRDA:", "")]);
        Assert.Equal((Lcov("FNDA:", ""), Lcov("SF:", "")), (Lcov("FN:", ""), Lcov("end_of_record", "")));
        Assert.Equal(xml.Descendants("class").Select(file => (string)file.Attribute("filename")!).Order(), lcov.Where(line => line.StartsWith("SF:")).Select(line => line[3..]).Order());

        int Lcov(string key, string end) => lcov.Count(line => line.StartsWith(key) && line.EndsWith(end));
    }

    [Fact]
    public void Coverage_that_cannot_be_written_is_told()
    {
        File.WriteAllText(_fuzz.PathOf("taken"), "");
        Assert.Equal(2, _fuzz.Run("coverage", "request", "-o", _fuzz.PathOf("c.html"), "--lcov", _fuzz.PathOf("taken/c.info")));
        Assert.StartsWith($"fuzz: cannot write {_fuzz.PathOf("taken/c.info")}: ", _fuzz.Error);
    }

    [Fact]
    public void Help_has_examples_and_exit_codes_and_offers_what_there_is()
    {
        Assert.Equal(0, _fuzz.Run("--help"));
        Assert.Contains("Examples:\n  fuzz run ", _fuzz.Output);
        Assert.Contains("Exit codes:\n  0  as expected", _fuzz.Output);
        Assert.Equal(0, _fuzz.Run("afl", "--help"));
        Assert.Contains("-t 10000 ", _fuzz.Output);
        Assert.DoesNotContain("qemu:PATH", _fuzz.Output);
        Assert.Equal(3, _fuzz.Run("afl", "sequence", "--device", "qemu"));
        Assert.Contains("--device takes model or broken:NAME;", _fuzz.Error);
    }

    [Fact]
    public void A_file_that_is_not_there_is_said_under_afl_as_well()
    {
        Assert.Equal(3, _fuzz.Run("afl", "request", _fuzz.PathOf("nofile")));
        Assert.Equal($"fuzz: there is no file {_fuzz.PathOf("nofile")}\n", _fuzz.Error);
    }

    [SkippableTheory]
    [InlineData("fuzz.dll", "list")]
    [InlineData("fuzz.dll", "run", "--help")]
    [InlineData("conformance.dll", "list")]
    [InlineData("conformance.dll", "run", "--only", "IOMMU-UNMAP-D-0*", "--report", "reports")]
    public void Output_that_cannot_be_written_is_said_in_one_line(string program, params string[] args)
    {
        Skip.IfNot(File.Exists("/dev/full"), "there is no /dev/full");
        using var process = FuzzProcess.StartOnFullOutput(_fuzz.Folder, program, args);
        Assert.Equal(2, process.Wait());
        Assert.Matches($"^{program[..^".dll".Length]}: cannot write standard output: .*\n$", process.Error);
    }

    [Fact]
    public void A_finding_is_replayed_and_minimised_as_what_stands_beside_it_says()
    {
        Assert.Equal(1, _fuzz.Run("run", "sequence", "--device", Broken, "--seed", "7", "--runs", "20000", "--report", _fuzz.Folder));
        string record = Directory.GetFiles(_fuzz.PathOf("findings"), "*.json").Single();
        string input = Findings("sequence").Single();
        Assert.Equal(1, _fuzz.Run("replay", input));
        Assert.StartsWith($"on {Broken}, as {record} says; --device names another\nFOUND {input}: IOMMU-UNMAP-D-03|", _fuzz.Output);
        string original = Path.ChangeExtension(input, $".original{Path.GetExtension(input)}");
        Assert.Equal(1, _fuzz.Run("replay", original));
        Assert.StartsWith($"on {Broken}, as {record} says", _fuzz.Output);
        Assert.Equal(0, _fuzz.Run("minimize", input, "-o", _fuzz.PathOf("small.viommu")));
        Assert.StartsWith($"on {Broken}, as {record} says", _fuzz.Output);

        // What the user says goes before it.
        Assert.Equal(0, _fuzz.Run("replay", input, "--device", "model"));
        Assert.Equal($"ok    {input}\n", _fuzz.Output);
        Assert.Equal(3, _fuzz.Run("replay", input, "--target", "nothing"));

        // Beside another input of that name it says nothing.
        string other = _fuzz.PathOf("findings/other.viommu");
        File.Copy(input, other);
        Assert.Equal(3, _fuzz.Run("replay", other));
        Assert.Contains("--target is needed", _fuzz.Error);
    }

    [Fact]
    public void Without_a_target_the_device_alone_is_covered()
    {
        Assert.Equal(0, _fuzz.Run("coverage", "-o", _fuzz.PathOf("all.html")));
        Assert.Equal(0, _fuzz.Run("coverage", "parsers", "-o", _fuzz.PathOf("parsers.html")));
        Assert.DoesNotContain("ScriptParser.cs", File.ReadAllText(_fuzz.PathOf("all.html")));
        Assert.Contains("MapHandler.cs", File.ReadAllText(_fuzz.PathOf("all.html")));
        Assert.Contains("ScriptParser.cs", File.ReadAllText(_fuzz.PathOf("parsers.html")));
    }

    [Fact]
    public void Targets_and_broken_devices_are_listed()
    {
        Assert.Equal(0, _fuzz.Run("list"));
        Assert.All(TargetList.All, target => Assert.Contains(target.Name, _fuzz.Output));
        Assert.Equal(0, _fuzz.Run("list", "--devices"));
        Assert.Contains(Broken["broken:".Length..], _fuzz.Output);
    }

    private int Campaign(string target, params string[] args) => _fuzz.Run(["run", target, "--seed", "7", "--report", _fuzz.Folder, .. args]);

    private IEnumerable<string> Findings(string target) =>
        Directory.GetFiles(_fuzz.PathOf("findings"), $"*{TargetList.Find(target).Format.Extension}").Where(file => !file.Contains(".original.", StringComparison.Ordinal));

    private static void RequireStory(string text)
    {
        Assert.Contains("UNMAP on a missing domain reports S_NOENT", text);
        Assert.Contains("device-types/iommu/description.tex:", text);
        Assert.Contains("NOENT (IOMMU-UNMAP-D-03)", text);
        Assert.Contains("OK used=4", text);
    }

    private List<JsonElement> Statistics() => [.. File.ReadLines(_fuzz.PathOf("stats.ndjson")).Select(line => JsonDocument.Parse(line).RootElement)];

    private List<StoredInput> Inputs(string target) => [.. CorpusFolder.Read(_fuzz.PathOf("corpus"), TargetList.Find(target).Format, message => Assert.Fail(message))];
}
