using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Tests.Program;

/// <summary>Where there is nothing to run nothing is as expected.</summary>
public sealed class NothingToRunTests : IDisposable
{
    private readonly FuzzRun _fuzz = new();

    public void Dispose() => _fuzz.Dispose();

    [Fact]
    public void Without_a_corpus_regress_says_so()
    {
        using var fuzz = FuzzProcess.StartIn(_fuzz.Folder, "regress");
        Assert.Equal(2, fuzz.Wait());
        Assert.Equal("fuzz: nothing to run: there is no folder corpus/seeds with inputs here or above; name a folder of inputs\n", fuzz.Error);
    }

    [Fact]
    public void A_corpus_that_is_found_above_is_named_and_so_is_what_it_has_nothing_for()
    {
        var request = TargetList.Find("request");
        string corpus = _fuzz.PathOf("corpus");
        Directory.CreateDirectory(Path.Combine(corpus, "seeds", "request"));
        Directory.CreateDirectory(_fuzz.PathOf("below/corpus/seeds/of-something-else"));
        var form = FileForm.Of(request.Format, request.Seeds().First().Input);
        File.WriteAllBytes(Path.Combine(corpus, "seeds", "request", "first" + form.Extension), form.Content);
        using var fuzz = FuzzProcess.StartIn(_fuzz.PathOf("below"), "regress");
        Assert.Equal(0, fuzz.Wait());
        Assert.StartsWith($"corpus {corpus}\n", fuzz.Output);
        Assert.Contains("request: 1 inputs\n", fuzz.Output);
        Assert.Contains("queues: 0 inputs\n", fuzz.Output);
        Assert.EndsWith("1 inputs, 0 red\n", fuzz.Output);
    }

    [Fact]
    public void A_folder_that_no_campaign_has_written_has_nothing_to_triage()
    {
        Assert.Equal(2, _fuzz.Run("triage", _fuzz.Folder));
        Assert.StartsWith($"fuzz: nothing to run: {_fuzz.Folder} has neither findings nor the files of a campaign; name the report folder", _fuzz.Error);
        Directory.CreateDirectory(_fuzz.PathOf("findings"));
        Assert.Equal(2, _fuzz.Run("triage", _fuzz.Folder));
        File.WriteAllText(_fuzz.PathOf("findings/wedged.lies"), "viommu-lies 1\n");
        Assert.Equal(3, _fuzz.Run("triage", _fuzz.Folder));
        Assert.Contains($"fuzz guest DIR {_fuzz.PathOf("findings/wedged.lies")}", _fuzz.Error);
    }

    [Theory]
    [InlineData("")]
    [InlineData("findings")]
    public void A_campaign_that_found_nothing_has_nothing_left_either(string folder)
    {
        Assert.Equal(0, _fuzz.Run("run", "request", "--runs", "50", "--seed", "1", "--report", _fuzz.Folder));
        Assert.Equal(0, _fuzz.Run("triage", _fuzz.PathOf(folder)));
        Assert.Equal("0 findings, 0 gone\n", _fuzz.Output);
    }

    [Theory]
    [InlineData("--runs", "0")]
    [InlineData("--time", "0")]
    public void A_campaign_without_an_execution_is_none(string option, string value)
    {
        Assert.Equal(2, _fuzz.Run("run", "sequence", option, value, "--report", _fuzz.Folder));
        Assert.Equal("fuzz: nothing to run: a campaign takes --runs from 1 up, and --time above 0\n", _fuzz.Error);
        Assert.Equal(3, _fuzz.Run("run", "sequence", "--runs=-1", "--report", _fuzz.Folder));
    }

    [Fact]
    public void Folders_that_inputs_are_to_come_from_have_some()
    {
        string empty = Directory.CreateDirectory(_fuzz.PathOf("empty")).FullName;
        string[] coverage = ["coverage", "request", "-o", _fuzz.PathOf("coverage.html"), "--corpus"];
        Assert.Equal(3, _fuzz.Run([.. coverage, _fuzz.PathOf("nowhere")]));
        Assert.Equal($"fuzz: --corpus: there is no folder {_fuzz.PathOf("nowhere")}\n", _fuzz.Error);
        Assert.Equal(2, _fuzz.Run([.. coverage, empty]));
        Assert.StartsWith($"fuzz: nothing to run: there are no inputs of request in {empty};", _fuzz.Error);
        Assert.False(File.Exists(_fuzz.PathOf("coverage.html")));
        Assert.Equal(2, _fuzz.Run("merge", "request", _fuzz.PathOf("out"), empty));
        Assert.StartsWith($"fuzz: nothing to run: there are no inputs of request in {empty}", _fuzz.Error);
    }
}
