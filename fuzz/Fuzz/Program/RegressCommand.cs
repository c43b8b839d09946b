using System.CommandLine;
using System.Globalization;
using System.Text;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Devices;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Reports;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Program;

/// <summary><c>fuzz regress</c>: everything in <c>corpus/</c>, or in a folder, once; bounded and deterministic, for CI.</summary>
internal sealed class RegressCommand
{
    private readonly FuzzHost _host;

    private readonly Argument<string?> _what = new("TARGET|DIR")
    {
        Description = "A fuzz target, whose inputs in corpus/ are run, or a folder, whose inputs belong to the target that it, or a folder above or inside, is named after. [default: all of corpus/]",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string> _device = Arguments.Device();
    private readonly KnownOptions _known = new();
    private readonly Option<string?> _report = new("--report") { Description = "Folder for junit.xml, with a test case for each input.", HelpName = "DIR" };

    public RegressCommand(FuzzHost host)
    {
        _host = host;
        Command = new("regress", "Runs everything in corpus/, or in a folder, once; red where anything is broken or unreadable.") { _what, _device, _report };
        _known.AddTo(Command);
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        string device = parsed.GetRequiredValue(_device);
        var results = new List<RegressionResult>();
        if (Folders(parsed.GetValue(_what)) is not { } folders)
        {
            _host.Error.WriteLine("fuzz: there is no folder corpus/seeds here or above; name a folder of inputs");
            return ExitCode.Harness;
        }

        var taken = folders.Where(folder => OutsideDevice.Takes(device, folder.Target)).ToList();
        if (taken.Count == 0) throw OutsideDevice.Refusal(device, folders[0].Target);
        bool isStale = false;
        foreach (var group in taken.GroupBy(folder => folder.Target)) isStale |= Run(parsed, group.Key, [.. group.Select(folder => folder.Path)], results);
        int red = results.Count(result => result.IsRed);
        int run = results.Count(result => result.IsRun);
        string known = results.Count(result => result.Known is not null) is > 0 and var count ? $", {count} known" : "";
        _host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"{run} inputs, {red} red{known}"));
        if (parsed.GetValue(_report) is { } report) Write(report, results);
        return run == 0 ? ExitCode.Harness : red > 0 || isStale ? ExitCode.Findings : ExitCode.AsExpected;
    }

    // True where something is red beside findings.
    private bool Run(ParseResult parsed, TargetInfo target, IReadOnlyList<string> folders, List<RegressionResult> results)
    {
        string device = parsed.GetRequiredValue(_device);
        var files = folders.SelectMany(folder => CorpusFolder.Read(folder, target.Format, message =>
        {
            results.Add(new(target.Name, folder, IsRun: false, message, []));
            _host.Error.WriteLine($"fuzz: {message}");
        })).ToList();
        if (files.Count == 0) return false;
        using var outside = OutsideDevice.Find(device, target);
        using var executor = outside?.NewReplay() ?? new TargetHost(target, Arguments.FindDevice(device)).Instrumented();
        var known = _known.Read(parsed, _host, target.Name, outside?.Identity.Name ?? device);
        var found = new List<Finding>();
        foreach (var (file, input) in files)
        {
            var finding = executor.Execute(input);
            if (finding is null)
            {
                results.Add(new(target.Name, file, IsRun: true, "", []));
                continue;
            }

            found.Add(finding);
            if (known.Find(finding.Key) is { } entry)
            {
                results.Add(new(target.Name, file, IsRun: true, $"{finding.Key}: {finding.Message}", []) { Known = $"{entry.Reason} ({entry.Url})" });
                _host.Console.Line($"KNOWN {file}: {finding.Key}: {results[^1].Known}");
                continue;
            }

            // Once more, for its story.
            executor.Observations.Story = new();
            string[] lines = [.. new ReportedFinding(finding, input.Length, file, FindingStory.Of(target, input, finding.Key, executor.Execute(input)?.Key == finding.Key ? executor.Observations.Story : null)).Lines];
            executor.Observations.Story = null;
            results.Add(new(target.Name, file, IsRun: true, $"{finding.Key}: {finding.Message}", lines));
            _host.Console.Line($"FOUND {file}: {finding.Key}");
            _host.Console.Line(ReplayCommand.Indent + finding.Message);
            foreach (var line in lines) _host.Console.Line(ReplayCommand.Indent + line);
        }

        _host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"{target.Name}: {files.Count} inputs"));
        var unseen = known.Unseen([.. found.Select(finding => finding.Key)]);
        foreach (var line in unseen) _host.Console.Line($"NOT SEEN {line}");
        foreach (var line in known.Complaints) _host.Console.Line($"EXPIRED {line}");
        if (_known.Update(parsed, _host, known, found.DistinctBy(finding => finding.Key)) is { } trouble) throw new CorpusException(trouble);
        return known.Complaints.Count > 0 || (_known.IsStrict(parsed) && unseen.Count > 0);
    }

    // Folders of inputs and the target that they are for; null where there is no corpus.
    private static IReadOnlyList<(TargetInfo Target, string Path)>? Folders(string? what)
    {
        if (what is null || TargetList.All.Any(target => target.Name == what))
        {
            if (ShippedCorpus.Folder is not { } corpus) return null;
            return [.. TargetList.All.Where(target => what is null || target.Name == what).SelectMany(target => (string[])["seeds", "regressions"], (target, part) => (target, Path.Combine(corpus, part, target.Name)))];
        }

        if (!Directory.Exists(what)) throw new UsageException($"'{what}' is neither a target nor a folder; 'fuzz list' shows the targets");
        string[] inside = [what, .. Directory.EnumerateDirectories(what, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        var folders = inside.Select(folder => (Target: InputFile.TargetAbove(Path.Combine(folder, "input")), Path: folder)).Where(folder => folder.Target is not null).Select(folder => (folder.Target!, folder.Path)).ToList();
        return folders.Count > 0 ? folders : throw new UsageException($"neither {what} nor a folder above or inside is named after a target");
    }

    private static void Write(string folder, List<RegressionResult> results)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CorpusException($"cannot write the report folder {folder}: {e.Message}", e);
        }

        if (CorpusFolder.TryWrite(Path.Combine(folder, "junit.xml"), Encoding.UTF8.GetBytes(RegressionFile.JUnit(results))) is { } trouble) throw new CorpusException(trouble);
    }
}
