using System.CommandLine;
using System.Globalization;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Engine.Minimization;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Program;

/// <summary><c>fuzz minimize</c>: the smallest input with the same finding.</summary>
internal sealed class MinimizeCommand
{
    private readonly FuzzHost _host;
    private readonly Argument<string> _file = new("FILE") { Description = "An input that shows a finding." };
    private readonly Option<string?> _target = Arguments.TargetOption();
    private readonly Option<string> _device = Arguments.DeviceOfFinding();
    private readonly Option<string?> _output = new("--output", "-o") { Description = "Where the result goes. [default: FILE with .min before its extension]", HelpName = "FILE" };

    public MinimizeCommand(FuzzHost host)
    {
        _host = host;
        Command = new("minimize", "Makes an input as small and simple as it can be with the same finding.") { _file, _target, _device, _output };
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        string file = parsed.GetRequiredValue(_file);
        var (target, device) = Arguments.MeantFor(file, parsed, _target, _device, line => _host.Console.Line(line));
        var input = InputFile.Read(file, target);
        using var executor = Arguments.NewExecutor(target, device);
        if (executor.Execute(input) is not { } finding)
        {
            _host.Error.WriteLine($"fuzz: {file} shows no finding, so there is nothing to keep");
            return ExitCode.Harness;
        }

        var minimizer = new Minimizer(executor, target.Shape, finding.Key);
        var smallest = minimizer.Minimize(input);
        var form = FileForm.Of(target.Format, smallest);
        string output = parsed.GetValue(_output) ?? Path.Combine(Path.GetDirectoryName(file) ?? "", $"{Path.GetFileNameWithoutExtension(file)}.min{form.Extension}");
        bool isFormatted = output.EndsWith(target.Format.Extension, StringComparison.Ordinal);
        if (isFormatted && form.Extension != target.Format.Extension)
            throw new UsageException($"a file {target.Format.Extension} has no words for the result: --output has to name one {form.Extension}");
        if (CorpusFolder.TryWrite(output, isFormatted ? form.Content : smallest) is { } trouble) throw new CorpusException(trouble);
        _host.Console.Line($"finding {finding.Key}");
        _host.Console.Line(string.Create(CultureInfo.InvariantCulture,
            $"{input.Length} bytes, {target.Shape.RecordsIn(input.Length)} operations -> {smallest.Length} bytes, {target.Shape.RecordsIn(smallest.Length)} operations, in {minimizer.Executions} executions: {output}"));
        foreach (var line in InputDescription.Of(target.Shape, smallest)) _host.Console.Line(line);
        return ExitCode.AsExpected;
    }
}
