using System.CommandLine;
using System.Globalization;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Program;

/// <summary><c>fuzz regress</c>: everything in <c>corpus/</c> once; bounded and deterministic, for CI.</summary>
internal sealed class RegressCommand
{
    private readonly FuzzHost _host;

    public RegressCommand(FuzzHost host)
    {
        _host = host;
        Command = new("regress", "Runs everything in corpus/ once; red where anything is broken or unreadable.");
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        if (ShippedCorpus.Folder is null)
        {
            _host.Error.WriteLine("fuzz: there is no folder corpus/seeds here or above");
            return ExitCode.Harness;
        }

        int run = 0, red = 0;
        foreach (var target in TargetList.All)
        {
            var files = ShippedCorpus.Files(target, message =>
            {
                red++;
                _host.Error.WriteLine($"fuzz: {message}");
            }).ToList();
            if (files.Count == 0) continue;
            using var executor = new TargetHost(target).Instrumented();
            foreach (var (file, input) in files)
            {
                run++;
                if (executor.Execute(input) is not { } finding) continue;
                red++;
                _host.Console.Line($"FOUND {file}: {finding.Key}");
                _host.Console.Line($"      {finding.Message}");
            }

            _host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"{target.Name}: {files.Count} inputs"));
        }

        _host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"{run} inputs, {red} red"));
        return run == 0 ? ExitCode.Harness : red > 0 ? ExitCode.Findings : ExitCode.AsExpected;
    }
}
