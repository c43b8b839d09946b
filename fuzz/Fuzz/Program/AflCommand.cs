using System.CommandLine;
using Viommu.Fuzz.Afl;

namespace Viommu.Fuzz.Program;

/// <summary><c>fuzz afl</c>: a target under AFL++.</summary>
internal sealed class AflCommand
{
    private readonly Argument<string> _target = Arguments.Target();
    private readonly Argument<string?> _file = new("FILE") { Description = "An input (@@); standard input where it is left out.", Arity = ArgumentArity.ZeroOrOne };

    private readonly Option<string> _device = Arguments.Device();

    public AflCommand()
    {
        Command = new("afl", "Runs a target under AFL++: afl-fuzz -i SEEDS -o OUT -t 5000 -- fuzz afl TARGET") { _target, _file, _device };
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        var server = new AflServer(Arguments.FindTarget(parsed.GetRequiredValue(_target)), parsed.GetRequiredValue(_device));
        return Posix.IsOpen(AflProtocol.CommandDescriptor) && Posix.IsOpen(AflProtocol.StatusDescriptor) ? server.Run() : server.RunOnce(parsed.GetValue(_file));
    }
}
