using System.CommandLine;
using System.Globalization;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Engine.Minimization;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Program;

/// <summary><c>fuzz merge</c>: a small corpus that reaches all that others reach.</summary>
internal sealed class MergeCommand
{
    private readonly FuzzHost _host;
    private readonly Argument<string> _target = Arguments.Target();
    private readonly Argument<string> _output = new("OUT") { Description = "Folder that the chosen inputs go to." };
    private readonly Argument<string[]> _from = new("IN") { Description = "Folders to choose from; what is in OUT already counts as well.", Arity = ArgumentArity.OneOrMore };
    private readonly Option<bool> _raw = new("--raw") { Description = "Write inputs as the bytes that AFL++ and other fuzzers use, whatever the target's own format is." };

    public MergeCommand(FuzzHost host)
    {
        _host = host;
        Command = new("merge", "Chooses the smallest inputs that together reach all that the given ones do.") { _target, _output, _from, _raw };
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        var target = Arguments.FindTarget(parsed.GetRequiredValue(_target));
        string output = parsed.GetRequiredValue(_output);
        var format = parsed.GetValue(_raw) ? RawFormat.Instance : target.Format;
        var folders = parsed.GetRequiredValue(_from);
        if (folders.FirstOrDefault(folder => !Directory.Exists(folder)) is { } missing) throw new UsageException($"there is no folder {missing}");

        using var folder = CorpusFolder.Open(output, format);
        var inputs = ((string[])[output, .. folders]).SelectMany(from => CorpusFolder.Read(from, target.Format, message => _host.Error.WriteLine($"fuzz: {message}")))
            .Select(stored => stored.Input).DistinctBy(input => CorpusFolder.NameOf(input)).ToList();
        if (inputs.Count == 0) throw new NothingToRunException($"there are no inputs of {target.Name} in {string.Join(", ", folders)}");
        using var executor = new TargetHost(target).Instrumented();
        var chosen = CorpusCover.Choose(executor, inputs);
        folder.Write(chosen.Select(index => inputs[index]));
        if (folder.Trouble is { } trouble) throw new CorpusException(trouble);
        _host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"{chosen.Count} of {inputs.Count} inputs reach all that they reach together: {output}"));
        return ExitCode.AsExpected;
    }
}
