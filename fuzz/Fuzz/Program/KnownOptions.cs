using System.CommandLine;
using System.Text;
using Viommu.Conformance.Program;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Expectations;

namespace Viommu.Fuzz.Program;

/// <summary>The options that say what is known of a device already.</summary>
internal sealed class KnownOptions
{
    private readonly Option<string?> _expect = new("--expect")
    {
        Description = "Known findings: they are listed and not red, and do not end a campaign.",
        HelpName = "FILE.yaml",
    };

    private readonly Option<string?> _update = new("--update-expectations")
    {
        Description = "Write FILE so that it knows what this run has found; what is in it stays. Where it is there it is read as well, beside --expect.",
        HelpName = "FILE.yaml",
    };

    private readonly Option<bool> _strict = new("--strict") { Description = "Turn red where a known finding did not come up." };

    public void AddTo(Command command)
    {
        command.Add(_expect);
        command.Add(_update);
        command.Add(_strict);
    }

    /// <summary>True where a known finding that did not come up is red.</summary>
    public bool IsStrict(ParseResult parsed) => parsed.GetValue(_strict);

    /// <summary>What is known.</summary>
    public KnownFindings Read(ParseResult parsed, FuzzHost host, string target, string device)
    {
        string? updated = parsed.GetValue(_update);
        if (updated is not null && Path.GetDirectoryName(Path.GetFullPath(updated)) is { } folder && !Directory.Exists(folder))
            throw new UsageException($"--update-expectations: there is no folder {folder}");
        // What is written back begins with what was there; an entry that both files have is written once.
        string?[] files = [File.Exists(updated) ? updated : null, parsed.GetValue(_expect)];
        var entries = files.OfType<string>().SelectMany(KnownFindingFile.Load)
            .DistinctBy(entry => (entry.Key.Pattern, entry.Target?.Pattern, entry.Device?.Pattern, entry.Reason, entry.Url, entry.Expires));
        return new([.. entries], DateOnly.FromDateTime(host.Clock.GetUtcNow().UtcDateTime), target, device);
    }

    /// <summary>Writes the file that was asked for; what went wrong, or null.</summary>
    public string? Update(ParseResult parsed, FuzzHost host, KnownFindings known, IEnumerable<Finding> found)
    {
        if (parsed.GetValue(_update) is not { } file) return null;
        if (CorpusFolder.TryWrite(file, Encoding.UTF8.GetBytes(KnownFindingFile.Print(known.With(found)))) is { } trouble) return trouble;
        host.Console.Line($"known findings: {file}; complete the reason and the url of new entries");
        return null;
    }
}
