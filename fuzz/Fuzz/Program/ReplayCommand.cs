using System.CommandLine;
using Viommu.Conformance.Exploration;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Devices;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Reports;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Targets.Qemu;
using Finding = Viommu.Fuzz.Engine.Findings.Finding;

namespace Viommu.Fuzz.Program;

/// <summary><c>fuzz replay</c>: runs inputs and tells what they break.</summary>
internal sealed class ReplayCommand
{
    /// <summary>What stands before all that is told of a finding.</summary>
    public const string Indent = "      ";

    private readonly FuzzHost _host;
    private readonly Argument<string[]> _files = new("FILE") { Description = "Inputs.", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string?> _target = Arguments.TargetOption();
    private readonly Option<string> _device = Arguments.DeviceOfFinding();

    private readonly Option<string?> _export = new("--export-qtest")
    {
        Description = "Write what one input does to a QEMU into OUT: lines of qtest, what was answered, and the command that has QEMU alone do the same. It is "
            + "tried out before it is handed out.",
        HelpName = "OUT",
    };

    public ReplayCommand(FuzzHost host)
    {
        _host = host;
        Command = new("replay", "Runs inputs once and tells what they break.") { _files, _target, _device, _export };
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        int broken = 0;
        var (files, export) = (parsed.GetRequiredValue(_files), parsed.GetValue(_export));
        if (export is not null && files.Length != 1) throw new UsageException($"--export-qtest takes one input, not {files.Length}");
        foreach (var file in files)
        {
            var (target, device) = Arguments.MeantFor(file, parsed, _target, _device, line => _host.Console.Line(line));
            if (export is not null && !OutsideDevice.IsQemu(device)) throw new UsageException("--export-qtest takes --device qemu: another device does not speak qtest");
            var input = InputFile.Read(file, target);
            var transcript = export is null ? null : new QtestTranscript();
            using var executor = Arguments.NewExecutor(target, device, transcript);
            var story = executor.Observations.Story = new();
            var finding = executor.Execute(input);
            transcript?.Close();
            if (finding is not null) broken++;
            _host.Console.Line($"{(finding is null ? "ok   " : "FOUND")} {file}{(finding is null ? "" : $": {finding.Key}")}");
            if (finding is not null) Tell(finding, target, input, file, story);
            if (export is not null && !Export(export, file, FindingStory.StepsOf(target, input), story, finding, transcript!)) return ExitCode.Harness;
        }

        return broken > 0 ? ExitCode.Findings : ExitCode.AsExpected;
    }

    private void Tell(Finding finding, TargetInfo target, byte[] input, string file, Story story)
    {
        _host.Console.Line(Indent + finding.Message);
        var told = new ReportedFinding(finding, input.Length, file, FindingStory.Of(target, input, finding.Key, story));
        foreach (var line in told.Lines) _host.Console.Line(Indent + line);
    }

    /// <summary>Writes what was done to the QEMU; false where QEMU alone does something else.</summary>
    private bool Export(string path, string file, IReadOnlyList<string> steps, Story story, Finding? finding, QtestTranscript transcript)
    {
        List<string> head = [$"{Path.GetFileName(file)}, as 'fuzz replay' has a QEMU do it."];
        if (finding is not null) head.AddRange([finding.Key.ToString(), finding.Message]);
        var told = story.Steps.ToLookup(step => step.Index);
        var qtest = new QtestScript(transcript, head, [.. steps.Select((step, index) => LinesOf(step, told[index]))], finding is { Details.Length: > 0 } ? finding.Details : null);
        if (qtest.Save(path) is { } difference)
        {
            _host.Error.WriteLine($"fuzz: {path} does not show the same on QEMU alone: {difference}");
            return false;
        }

        _host.Console.Line($"qtest: {path}; QEMU alone gives the same answers");
        return true;
    }

    private static IReadOnlyList<string> LinesOf(string step, IEnumerable<StoryStep> told)
    {
        List<string> lines = [step];
        foreach (var part in told)
        {
            string of = part.What.Length == 0 ? "" : $" of {part.What}";
            if (part.Allowed.Length > 0) lines.Add($"expected{of}: {part.Allowed}");
            if (part.Seen.Length > 0) lines.Add($"seen{of}: {part.Seen}");
        }

        return lines;
    }
}
