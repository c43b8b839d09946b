using System.Runtime.CompilerServices;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Tests.Corpora;

/// <summary>
/// The folder <c>corpus</c>. Seeds are written by this test, where VIOMMU_WRITE_SEEDS is set, so that they cannot rot: elsewhere it fails as
/// soon as a target's seeds are others.
/// </summary>
public class ShippedCorpusTests
{
    private static readonly string _corpus = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", "..", "corpus"));

    public static TheoryData<string, string> Files
    {
        get
        {
            var rows = new TheoryData<string, string>();
            foreach (var target in TargetList.All)
            {
                foreach (var kind in (string[])["seeds", "regressions"])
                {
                    string folder = Path.Combine(_corpus, kind, target.Name);
                    if (!Directory.Exists(folder)) continue;
                    foreach (var file in Directory.GetFiles(folder).Order(StringComparer.Ordinal)) rows.Add(target.Name, Path.GetRelativePath(_corpus, file));
                }
            }

            return rows;
        }
    }

    [Fact]
    public void Seeds_are_those_of_the_targets()
    {
        bool isWriting = Environment.GetEnvironmentVariable("VIOMMU_WRITE_SEEDS") is not null;
        foreach (var target in TargetList.All)
        {
            string folder = Path.Combine(_corpus, "seeds", target.Name);
            if (isWriting) Directory.CreateDirectory(folder);
            foreach (var seed in target.Seeds())
            {
                string file = Path.Combine(folder, seed.Name + target.Format.Extension);
                if (isWriting) File.WriteAllBytes(file, target.Format.ToFile(seed.Input));
                Assert.True(File.Exists(file), $"{file} is missing: run this test with VIOMMU_WRITE_SEEDS=1");
                Assert.Equal(target.Format.ToFile(seed.Input), File.ReadAllBytes(file));
            }

            Assert.Equal(target.Seeds().Select(seed => seed.Name + target.Format.Extension).Order(StringComparer.Ordinal), Directory.GetFiles(folder).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void An_input_of_the_corpus_breaks_nothing(string name, string file)
    {
        var target = TargetList.Find(name);
        using var executor = new TargetHost(target).Plain();
        Assert.Null(executor.Execute(InputFile.Read(Path.Combine(_corpus, file), target)));
    }

    private static string Here([CallerFilePath] string path = "") => path;
}
