using System.CommandLine;
using Viommu.Conformance.Running;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Targets.Served;

namespace Viommu.Conformance.Program;

/// <summary><c>conformance serve</c>: the reference device at the other end of the line protocol that <c>--target exec:</c> speaks.</summary>
internal sealed class ServeCommand
{
    private readonly CliHost host;

    private readonly Option<string> target = new("--target")
    {
        Description = "What to serve: model, also with transport=... and ring=..., as for run.",
        HelpName = "TARGET",
        DefaultValueFactory = _ => "model",
    };

    public ServeCommand(CliHost host)
    {
        this.host = host;
        Command = new(
            "serve",
            "Serves the reference device on standard input and output, as a program for --target exec:COMMAND does: 'conformance --target \"exec:conformance serve\"'. "
                + "The protocol, for devices of your own: conformance/Guest/Targets/Served/README.md.") { target };
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        var configuration = TargetSources.ParseModel(parsed.GetRequiredValue(target), "serve --target");
        using var input = host.OpenInput();
        using var output = host.OpenOutput();
        using var server = new TargetServer(file => new ModelTargetSource(configuration: configuration) { Memory = file });
        try
        {
            server.Serve(input, output);
            return ExitCode.AsExpected;
        }
        catch (TargetDiedException death)
        {
            host.Error.WriteLine($"conformance: {death.Message}: {death.LastWords}");
            return ExitCode.Harness;
        }
    }
}
