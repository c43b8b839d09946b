using System.CommandLine;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Program;

/// <summary><c>fuzz show</c>: an input, decoded.</summary>
internal sealed class ShowCommand
{
    private readonly FuzzHost _host;
    private readonly Argument<string> _file = new("FILE") { Description = "An input." };
    private readonly Option<string?> _target = Arguments.TargetOption();

    public ShowCommand(FuzzHost host)
    {
        _host = host;
        Command = new("show", "Shows an input, decoded.") { _file, _target };
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        string file = parsed.GetRequiredValue(_file);
        var target = InputFile.TargetOf(file, parsed.GetValue(_target));
        foreach (var line in InputDescription.Of(target.Shape, InputFile.Read(file, target))) _host.Console.Line(line);
        return ExitCode.AsExpected;
    }
}
