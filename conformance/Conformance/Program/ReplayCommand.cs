using System.CommandLine;
using System.Diagnostics;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Expectations;
using Viommu.Conformance.Exploration;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;
using Viommu.Conformance.Scripts;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Qemu;

namespace Viommu.Conformance.Program;

/// <summary><c>conformance replay</c>: runs scripts on a target and says whether what they recorded is still seen.</summary>
internal sealed class ReplayCommand
{
    private const int Column = 12;

    private readonly CliHost host;

    private readonly Argument<string[]> files = new("FILE") { Description = "Scripts: of 'run --random', of 'fuzz' (corpus/seeds/sequence, findings), or written by hand.", Arity = ArgumentArity.OneOrMore };

    private readonly Option<string> target = new("--target")
    {
        Description = "What to run them on: as for run.",
        HelpName = "TARGET",
        DefaultValueFactory = _ => "model",
    };

    private readonly Option<double> timeout = new("--timeout")
    {
        Description = "Seconds that one script may take.",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => 60,
    };

    private readonly Option<string?> expect = new("--expect")
    {
        Description = "YAML file of known deviations, as for run; the id of a script is replay. and the name of its file without its extension.",
        HelpName = "FILE",
    };

    private readonly Option<string?> report = new("--report")
    {
        Description = "Folder for index.html, results.json, results.sarif, junit.xml and summary.md, with a row for each script.",
        HelpName = "DIR",
    };

    private readonly Option<string?> export = new("--export-qtest")
    {
        Description = "Write what one script does to a QEMU into OUT: lines of qtest, what was answered, and the command that has QEMU alone do the same. It is "
            + "tried out before it is handed out.",
        HelpName = "OUT",
    };

    public ReplayCommand(CliHost host)
    {
        this.host = host;
        Command = new("replay", "Runs scripts on a target and says what they break, or whether what they recorded is still there.") { files, target, timeout, expect, report, export };
        timeout.Validators.Add(result =>
        {
            if (!(result.ValueOrNone<double>() is > 0 and <= 86_400)) result.AddError("--timeout takes more than 0 and at most 86400 seconds");
        });
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        var scripts = parsed.GetRequiredValue(files).Select(file => (File: file, Script: ScriptParser.Load(file))).ToList();
        using var source = host.ParseTarget(parsed.GetRequiredValue(target));
        var transcript = parsed.GetValue(export) is null ? null : Transcribe(source, scripts.Count);
        using var lab = new ScriptLab(source, TimeSpan.FromSeconds(parsed.GetValue(timeout)));
        var run = new ReplayRun(lab.Identity, lab.Offered, host.Checks, ReadExpectations(parsed), new ClauseVerdicts(host.Catalogue, host.NotTested), host.Catalogue);
        var reports = parsed.GetValue(report) is { } folder ? new ReportFolder(folder, RunReports.Of(host, SpecVersions.Latest), host.Clock) : null;
        foreach (var (file, script) in scripts)
        {
            host.Interrupted.ThrowIfCancellationRequested();
            WarnOfAnotherDevice(file, script);
            var started = Stopwatch.GetTimestamp();
            var steps = Blamed(lab, script, transcript);
            var result = run.Add(file, script, steps, (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            Tell(file, script, steps);
            if (result.Verdict == Verdict.ExpectedFailure) host.Console.Line($"  {result.Evidence[^1]}");
            else if (result.Verdict == Verdict.UnexpectedPass) host.Console.Line($"  XPASS: {result.Expected}");
            if (transcript is not null && !Export(parsed.GetRequiredValue(export)!, file, script, steps, transcript)) return ExitCode.Harness;
        }
        var final = run.End();
        reports?.RunStarted(final);
        if (reports is not null) host.Console.Line($"reports: {RunReports.In(reports.Folder)}");
        foreach (var complaint in final.Complaints) host.Console.Line(complaint);
        return final.ExitCode;
    }

    private ExpectationSet ReadExpectations(ParseResult parsed) => parsed.GetValue(expect) is { } file
        ? new(ExpectationFile.Load(file), DateOnly.FromDateTime(host.Clock.GetUtcNow().UtcDateTime)) : ExpectationSet.None;

    // A comment of the fuzzer names the one of its own devices that a program was found on; here it runs on another.
    private void WarnOfAnotherDevice(string file, Script script)
    {
        if (script.Lines.OfType<CommentLine>().FirstOrDefault(comment => comment.Text.StartsWith("fuzz:", StringComparison.Ordinal) && comment.Text.Contains("bed=", StringComparison.Ordinal)) is not { } mark) return;
        if (mark.Text.Split(' ').Contains("bed=0")) return;
        host.Error.WriteLine($"conformance: {file} was made for one of the fuzzer's own devices ('{mark.Text}'), which the target here is not; 'fuzz replay {file}' runs it on that");
    }

    /// <summary>The steps of a script; what shows only where a request is cut into pieces is charged to the ring, as it was when it was recorded.</summary>
    private static IReadOnlyList<ScriptStep> Blamed(ScriptLab lab, Script script, QtestTranscript? transcript)
    {
        var steps = lab.Run(script, explain: true, transcript is null ? null : transcript.BeginStep).ToList();
        transcript?.Close();
        var at = steps.FindIndex(step => step.IsFinding);
        if (at < 0 || steps[at].Operation is not RequestOperation cut || cut.Framing == ScriptFraming.Plain) return steps;
        var whole = new Script([.. script.Lines.Select(line => line is RequestOperation op ? op with { Framing = ScriptFraming.Plain } : line)]);
        if (lab.Run(whole).Any(step => step.IsFinding)) return steps;
        var clause = FindingKey.OfFraming(cut, lab.IsPacked).Clause;
        steps[at] = steps[at] with { Broken = clause, Operation = cut with { Seen = cut.Seen! with { Breaks = clause } } };
        return steps;
    }

    /// <summary>Says what became of a script.</summary>
    private void Tell(string file, Script script, IReadOnlyList<ScriptStep> steps)
    {
        var recorded = script.Operations.FirstOrDefault(operation => operation.Seen?.Breaks is not null);
        var found = steps.FirstOrDefault(step => step.IsFinding);
        var (word, text, verdict) = (recorded, found) switch
        {
            (null, null) => ("CLEAN", "breaks no clause", Verdict.Pass),
            (null, _) => ("FOUND", $"breaks {found.Broken}", Verdict.Fail),
            (_, null) => ("GONE", $"no longer breaks {recorded.Seen!.Breaks}", Verdict.Pass),
            _ when recorded.Seen!.Breaks == found.Broken => ("STILL SEEN", $"breaks {found.Broken}", Verdict.Fail),
            _ => ("OTHER", $"breaks {found.Broken}, was recorded to break {recorded.Seen!.Breaks}", Verdict.Fail),
        };
        host.Console.Labelled(word, Column, $"{file}: {text}", TextLines.StyleOf(verdict));
        foreach (var step in steps) host.Console.Line($"  {ScriptPrinter.Print(step.Operation)}");
        if (found is { Expected.Length: > 0 }) host.Console.Line($"  expected: {found.Expected}");
        foreach (var words in (found?.LastWords ?? "").Split('\n').Where(line => line.Length > 0)) host.Console.Line($"  said: {words}");
    }

    private static QtestTranscript Transcribe(ITargetSource source, int scripts)
    {
        if (source is not QemuTargetSource qemu) throw new UsageException("--export-qtest takes --target qemu: another target does not speak qtest");
        if (scripts != 1) throw new UsageException($"--export-qtest takes one script, not {scripts}");
        return qemu.Transcript = new();
    }

    /// <summary>Writes what was done to the QEMU; false where QEMU alone does something else.</summary>
    private bool Export(string path, string file, Script script, IReadOnlyList<ScriptStep> steps, QtestTranscript transcript)
    {
        List<string> head = [$"{Path.GetFileName(file)}, as 'conformance replay' has a QEMU do it.", .. script.Lines.OfType<CommentLine>().Select(comment => comment.Text)];
        var end = steps.FirstOrDefault(step => step.End is StepEnd.Crash or StepEnd.Hang);
        var qtest = new QtestScript(transcript, head, [.. steps.Select(LinesOf)], end is null ? null : $"{end.Operation.Seen?.Text}\n{end.LastWords}".TrimEnd());
        if (qtest.Save(path) is { } difference)
        {
            host.Error.WriteLine($"conformance: {path} does not show the same on QEMU alone: {difference}");
            return false;
        }
        host.Console.Line($"qtest: {path}; QEMU alone gives the same answers");
        return true;
    }

    private static IReadOnlyList<string> LinesOf(ScriptStep step)
    {
        List<string> lines = [ScriptPrinter.Print(step.Operation with { Seen = null })];
        if (step.Expected.Length > 0) lines.Add($"expected: {step.Expected}");
        if (step.Operation.Seen is { } seen) lines.Add($"seen: {seen.Text}{(step.IsFinding ? $", which breaks {step.Broken}" : "")}");
        return lines;
    }
}
