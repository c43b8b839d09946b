using System.Text.RegularExpressions;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Targets.Served;

namespace Viommu.Guest.Tests.Served;

/// <summary>The transcript in the guide is what the program says.</summary>
public class TranscriptTests
{
    private static readonly string Guide = File.ReadAllText(Path.Combine(FindRoot(), "conformance", "Guest", "Targets", "Served", "README.md"));

    private static readonly List<(string Command, string Answer)> Transcript =
        [.. Regex.Matches(Guide, "^> (.*)\n< (.*)$", RegexOptions.Multiline).Select(pair => (pair.Groups[1].Value, pair.Groups[2].Value))];

    [Fact]
    public void Every_command_of_the_guide_is_answered_as_it_says()
    {
        var folder = Directory.CreateTempSubdirectory("guest memory-");
        try
        {
            var ram = Path.Combine(folder.FullName, "guest memory");
            using (var file = File.Create(ram)) file.SetLength(64 << 20);
            using var server = new TargetServer(file => new ModelTargetSource { Memory = file });
            Assert.NotEmpty(Transcript);
            foreach (var (command, answer) in Transcript)
                Assert.Equal($"{command}\n{answer}", $"{command}\n{WithoutVersion(server.Answer(command.Replace("/tmp/guest memory", ram, StringComparison.Ordinal)))}");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Every_command_that_there_is_is_in_the_transcript_and_has_its_own_words()
    {
        using var server = new TargetServer(file => new ModelTargetSource { Memory = file });
        var known = server.Answer("help")["ERR there are ".Length..].Split(", each with")[0].Split(", ").SelectMany(words => words.Split(" and ")).ToHashSet();
        Assert.Equal(10, known.Count);
        Assert.Equal(known, Transcript.Select(pair => pair.Command.Split(' ')[0]).ToHashSet());
        Assert.All(known, command => Assert.Contains($"`{command}", Guide, StringComparison.Ordinal));
    }

    private static string WithoutVersion(string answer) => Regex.Replace(answer, " version=[^ ]+", " version=0.1.0");

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Conformance.sln"))) directory = directory.Parent!;
        return directory.FullName;
    }
}
