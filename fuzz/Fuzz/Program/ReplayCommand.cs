using System.CommandLine;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Reports;

namespace Viommu.Fuzz.Program;

/// <summary><c>fuzz replay</c>: runs inputs and tells what they break.</summary>
internal sealed class ReplayCommand
{
    /// <summary>What stands before all that is told of a finding.</summary>
    public const string Indent = "      ";

    private readonly FuzzHost _host;
    private readonly Argument<string[]> _files = new("FILE") { Description = "Inputs.", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string?> _target = Arguments.TargetOption();
    private readonly Option<string> _device = Arguments.Device();

    public ReplayCommand(FuzzHost host)
    {
        _host = host;
        Command = new("replay", "Runs inputs once and tells what they break.") { _files, _target, _device };
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        int broken = 0;
        foreach (var file in parsed.GetRequiredValue(_files))
        {
            var target = InputFile.TargetOf(file, parsed.GetValue(_target));
            var input = InputFile.Read(file, target);
            using var executor = Arguments.NewExecutor(target, parsed.GetRequiredValue(_device));
            executor.Observations.Story = new();
            var finding = executor.Execute(input);
            if (finding is not null) broken++;
            _host.Console.Line($"{(finding is null ? "ok   " : "FOUND")} {file}{(finding is null ? "" : $": {finding.Key}")}");
            if (finding is null) continue;
            _host.Console.Line(Indent + finding.Message);
            var told = new ReportedFinding(finding, input.Length, file, FindingStory.Of(target, input, finding.Key, executor.Observations.Story));
            foreach (var line in told.Lines) _host.Console.Line(Indent + line);
        }

        return broken > 0 ? ExitCode.Findings : ExitCode.AsExpected;
    }
}
