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
        var folders = Folders(parsed.GetValue(_what));
        var taken = folders.Where(folder => OutsideDevice.Takes(device, folder.Target)).ToList();
        if (taken.Count == 0) throw OutsideDevice.Refusal(device, folders[0].Target);
        var results = new List<RegressionResult>();
        var groups = taken.GroupBy(folder => folder.Target, folder => folder.Path, (target, paths) => (Target: target, Files: Read(target, paths, results))).ToList();
        bool isStale = false;
        foreach (var (target, files) in groups) isStale |= Run(parsed, target, files, results);
        int red = results.Count(result => result.IsRed);
        int run = results.Count(result => result.IsRun);
        int left = results.Count(result => result.IsLeft);
        string known = results.Count(result => result.Known is not null) is > 0 and var count ? $", {count} known" : "";
        if (left > 0) _host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"interrupted: {left} of {left + run} inputs are not run"));
        _host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"{run} inputs, {red} red{known}"));
        if (parsed.GetValue(_report) is { } report) Write(report, results);
        if (run + left == 0) throw new NothingToRunException($"there are no inputs in {string.Join(", ", taken.Select(folder => folder.Path))}; name a folder that has some");
        return left > 0 ? ExitCode.Harness : red > 0 || isStale ? ExitCode.Findings : ExitCode.AsExpected;
    }

    // The inputs of a target; what is none is a result.
    private List<StoredInput> Read(TargetInfo target, IEnumerable<string> folders, List<RegressionResult> results) => [.. folders.SelectMany(folder => CorpusFolder.Read(folder, target.Format, message =>
    {
        results.Add(new(target.Name, folder, IsRun: false, message, []));
        _host.Error.WriteLine($"fuzz: {message}");
    }))];

    // True where something is red beside findings.
    private bool Run(ParseResult parsed, TargetInfo target, IReadOnlyList<StoredInput> files, List<RegressionResult> results)
    {
        string device = parsed.GetRequiredValue(_device);
        if (files.Count == 0 || _host.Interrupted.IsCancellationRequested)
        {
            Leave(target, files, results);
            // Whoever has a corpus of few targets only is to know.
            if (files.Count == 0) _host.Console.Line($"{target.Name}: 0 inputs");
            return false;
        }

        using var outside = OutsideDevice.Find(device, target);
        using var executor = Arguments.NewExecutor(target, device, outside);
        var known = _known.Read(parsed, _host, target.Name, outside?.Identity.Name ?? device);
        var found = new List<Finding>();
        int run = 0;
        foreach (var (file, input) in files)
        {
            if (_host.Interrupted.IsCancellationRequested) break;
            run++;
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

        Leave(target, files.Skip(run), results);
        _host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"{target.Name}: {run} inputs"));
        // What was not run could not be seen.
        var unseen = run == files.Count ? known.Unseen([.. found.Select(finding => finding.Key)]) : [];
        foreach (var line in unseen) _host.Console.Line($"NOT SEEN {line}");
        foreach (var line in known.Complaints) _host.Console.Line($"EXPIRED {line}");
        if (_known.Update(parsed, _host, known, found.DistinctBy(finding => finding.Key)) is { } trouble) throw new CorpusException(trouble);
        return known.Complaints.Count > 0 || (_known.IsStrict(parsed) && unseen.Count > 0);
    }

    private static void Leave(TargetInfo target, IEnumerable<StoredInput> files, List<RegressionResult> results) =>
        results.AddRange(files.Select(left => new RegressionResult(target.Name, left.File, IsRun: false, "", []) { IsLeft = true }));

    // Folders of inputs and the target that they are for.
    private List<(TargetInfo Target, string Path)> Folders(string? what)
    {
        if (what is null || TargetList.All.Any(target => target.Name == what))
        {
            if (ShippedCorpus.Folder is not { } corpus) throw new NothingToRunException("there is no folder corpus/seeds with inputs here or above; name a folder of inputs");
            // It may be that of another checkout above this folder, or one that the program was installed with.
            _host.Console.Line($"corpus {corpus}");
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
