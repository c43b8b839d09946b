using System.Xml.Linq;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Tests.Program;

public sealed class RegressCommandTests : IDisposable
{
    private const string Broken = "broken:answers UNMAP on a missing domain with OK";

    private readonly FuzzRun _fuzz = new();

    public void Dispose() => _fuzz.Dispose();

    [Fact]
    public void A_folder_is_run_on_the_device_that_is_named_and_reported_input_by_input()
    {
        string sequence = Fill("mine/sequence", "sequence", count: 3);
        string broken = Path.Combine(sequence, "missing-domain.viommu");
        File.WriteAllText(broken, "viommu-script 1\nunmap domain=7 virt=0x1000..0x1fff\n");
        string request = Fill("mine/more/request", "request", count: 2);
        Assert.Equal(0, _fuzz.Run("regress", _fuzz.PathOf("mine")));
        Assert.Contains("sequence: 4 inputs\n", _fuzz.Output);
        Assert.Contains("request: 2 inputs\n", _fuzz.Output);
        Assert.EndsWith("6 inputs, 0 red\n", _fuzz.Output);

        Assert.Equal(1, _fuzz.Run("regress", _fuzz.PathOf("mine"), "--device", Broken, "--report", _fuzz.PathOf("out/report")));
        Assert.Contains($"FOUND {broken}: IOMMU-UNMAP-D-03|", _fuzz.Output);
        Assert.Contains("allowed  NOENT (IOMMU-UNMAP-D-03)", _fuzz.Output);
        var cases = XDocument.Load(_fuzz.PathOf("out/report/junit.xml")).Root!.Elements("testsuite").SelectMany(suite => suite.Elements("testcase")).ToList();
        Assert.Equal(6, cases.Count);
        var failure = Assert.Single(cases, test => (string?)test.Attribute("name") == broken).Element("failure")!;
        Assert.StartsWith("IOMMU-UNMAP-D-03|", (string?)failure.Attribute("message"));
        Assert.Contains("S_NOENT", failure.Value);
        Assert.Contains(cases, test => ((string)test.Attribute("name")!).StartsWith(request, StringComparison.Ordinal));
    }

    [Fact]
    public void What_is_known_of_the_device_is_listed_and_not_red_and_what_is_not_is_recorded()
    {
        string sequence = Fill("mine/sequence", "sequence", count: 2);
        File.WriteAllText(Path.Combine(sequence, "missing-domain.viommu"), "viommu-script 1\nunmap domain=7 virt=0x1000..0x1fff\n");
        string known = _fuzz.PathOf("known.yaml");
        Assert.Equal(1, _fuzz.Run("regress", sequence, "--device", Broken, "--update-expectations", known));
        Assert.Equal(0, _fuzz.Run("regress", sequence, "--device", Broken, "--expect", known, "--strict", "--report", _fuzz.PathOf("out")));
        Assert.Contains($"KNOWN {Path.Combine(sequence, "missing-domain.viommu")}: IOMMU-UNMAP-D-03|", _fuzz.Output);
        Assert.EndsWith("3 inputs, 0 red, 1 known\n", _fuzz.Output);
        var skipped = Assert.Single(XDocument.Load(_fuzz.PathOf("out/junit.xml")).Descendants("skipped"));
        Assert.StartsWith("IOMMU-UNMAP-D-03|", (string?)skipped.Attribute("message"));

        // An entry is about its device alone, and about nothing else that it does.
        Assert.Equal(0, _fuzz.Run("regress", sequence, "--expect", known, "--strict"));
        Assert.DoesNotContain("KNOWN", _fuzz.Output);
        Assert.DoesNotContain("NOT SEEN", _fuzz.Output);
        File.Delete(Path.Combine(sequence, "missing-domain.viommu"));
        Assert.Equal(0, _fuzz.Run("regress", sequence, "--device", Broken, "--expect", known));
        Assert.Contains("NOT SEEN", _fuzz.Output);
        Assert.Equal(1, _fuzz.Run("regress", sequence, "--device", Broken, "--expect", known, "--strict"));
    }

    [Fact]
    public void A_target_is_run_from_the_shipped_corpus_alone()
    {
        Assert.Equal(0, _fuzz.Run("regress", "request"));
        Assert.Matches(@"^request: [1-9][0-9]* inputs\n[1-9][0-9]* inputs, 0 red\n$", _fuzz.Output);
    }

    [Fact]
    public void What_is_no_input_is_red_in_one_line_for_all_of_it()
    {
        string sequence = Fill("sequence", "sequence", count: 1);
        for (int i = 0; i < 5; i++) File.WriteAllText(Path.Combine(sequence, $"damaged-{i}.viommu"), "nothing");
        Assert.Equal(1, _fuzz.Run("regress", sequence, "--report", _fuzz.PathOf("out")));
        string line = Assert.Single(_fuzz.Error.TrimEnd().Split('\n'));
        Assert.StartsWith($"fuzz: 5 files of {sequence} are no inputs, and left alone; the first: {Path.Combine(sequence, "damaged-0.viommu")} is no input", line);
        Assert.Contains("1 inputs, 1 red", _fuzz.Output);
        Assert.Contains("are no inputs", File.ReadAllText(_fuzz.PathOf("out/junit.xml")));
    }

    [Fact]
    public void Where_there_is_nothing_to_run_it_says_so()
    {
        Directory.CreateDirectory(_fuzz.PathOf("empty"));
        Directory.CreateDirectory(_fuzz.PathOf("other/request"));
        Assert.Equal(3, _fuzz.Run("regress", _fuzz.PathOf("nowhere")));
        Assert.Contains("neither a target nor a folder", _fuzz.Error);
        Assert.Equal(3, _fuzz.Run("regress", _fuzz.PathOf("empty")));
        Assert.Contains("named after a target", _fuzz.Error);
        Assert.Equal(2, _fuzz.Run("regress", _fuzz.PathOf("other")));
        Assert.Contains("0 inputs, 0 red", _fuzz.Output);
    }

    [Theory]
    [InlineData("parsers")]
    [InlineData("DIR")]
    public void A_qemu_that_takes_none_of_the_inputs_is_refused_as_in_a_campaign(string what)
    {
        string folder = Fill("request", "request", count: 1);
        string target = what == "DIR" ? "request" : what;
        Assert.Equal(3, _fuzz.Run("regress", what == "DIR" ? folder : what, "--device", "qemu"));
        string refusal = _fuzz.Error;
        Assert.Contains($"takes inputs of sequence, split-ring, packed-ring, not of {target}", refusal);
        Assert.Equal(3, _fuzz.Run("run", target, "--device", "qemu", "--report", _fuzz.PathOf("out")));
        Assert.Equal(refusal, _fuzz.Error);
    }

    private string Fill(string folder, string target, int count)
    {
        string path = _fuzz.PathOf(folder);
        Directory.CreateDirectory(path);
        var format = TargetList.Find(target).Format;
        foreach (var seed in TargetList.Find(target).Seeds().Take(count))
        {
            var form = FileForm.Of(format, seed.Input);
            File.WriteAllBytes(Path.Combine(path, seed.Name + form.Extension), form.Content);
        }

        return path;
    }
}
