using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Tests.Program;

/// <summary>Corpus folders in which something went wrong: every file that is no input is named with its line and cause, and stays as it is.</summary>
public sealed class DamagedCorpusTests : IDisposable
{
    private readonly FuzzRun _fuzz = new();

    public void Dispose() => _fuzz.Dispose();

    [Theory]
    [InlineData("viommu-script 1\nattach domain=1 endpoint=ep0\nmapp domain=1\n", ":3:", "'mapp'")]
    [InlineData("viommu-script 1\nattach domain=1 endpoint=ep0\nmap domain=1 virt=0x1000..0x1fff phys=ram+0x0 fla", ":3:", "fla")]
    [InlineData("", "", "")]
    [InlineData("\0\u0001\u0002\u0003", ":1:", "")]
    public void A_damaged_input_is_named_with_its_line_and_left_alone(string damaged, string line, string cause)
    {
        string corpus = _fuzz.PathOf("corpus");
        Directory.CreateDirectory(corpus);
        var format = TargetList.Find("sequence").Format;
        var good = TargetList.Find("sequence").Seeds().First();
        string damagedFile = Path.Combine(corpus, "damaged" + format.Extension);
        File.WriteAllText(damagedFile, damaged);
        File.WriteAllBytes(Path.Combine(corpus, good.Name + format.Extension), format.ToFile(good.Input));

        Assert.Equal(0, _fuzz.Run("run", "sequence", "--seed", "7", "--runs", "500", "--report", _fuzz.Folder));
        string complaint = Assert.Single(_fuzz.Error.TrimEnd().Split('\n'));
        Assert.StartsWith($"fuzz: {damagedFile} is no input, and left alone: ", complaint);
        Assert.Contains(line, complaint);
        Assert.Contains(cause, complaint);
        Assert.Contains("1 inputs from", _fuzz.Output);
        Assert.Equal(damaged, File.ReadAllText(damagedFile));
        Assert.Contains(CorpusFolder.NameOf(good.Input), CorpusFolder.Read(corpus, format, _ => { }).Select(stored => CorpusFolder.NameOf(stored.Input)));
    }
}
