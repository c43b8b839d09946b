using System.CommandLine;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Fuzz.Afl;
using Viommu.Fuzz.Devices;

namespace Viommu.Fuzz.Program;

/// <summary><c>fuzz afl</c>: a target under AFL++.</summary>
internal sealed class AflCommand
{
    private readonly Argument<string> _target = Arguments.Target();
    private readonly Argument<string?> _file = new("FILE") { Description = "An input (@@); standard input where it is left out.", Arity = ArgumentArity.ZeroOrOne };

    private readonly Option<string> _device = Arguments.DeviceInProcess();
    private readonly Option<bool> _dictionary = new("--dictionary") { Description = "Print the dictionary that afl-fuzz is handed, as a file for -x, and end." };
    private readonly FuzzHost _host;

    public AflCommand(FuzzHost host)
    {
        _host = host;
        Command = new("afl", "Runs a target under AFL++: afl-fuzz -i SEEDS -o OUT -t 10000 -- fuzz afl TARGET") { _target, _file, _device, _dictionary };
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        var target = Arguments.FindTarget(parsed.GetRequiredValue(_target));
        if (parsed.GetValue(_dictionary))
        {
            foreach (var line in AflDictionary.ToText(target).TrimEnd().Split('\n')) _host.Console.Line(line);
            return ExitCode.AsExpected;
        }

        string device = parsed.GetRequiredValue(_device);
        if (OutsideDevice.IsMeant(device)) throw new UsageException($"under AFL++ a device runs in this process: --device takes model or broken:NAME; 'fuzz run sequence --device {device}' fuzzes a real one");
        // AFL++'s tools name a file that they write once they have been greeted.
        bool isByHand = Environment.GetEnvironmentVariable(AflProtocol.MapVariable) is null;
        if (isByHand && parsed.GetValue(_file) is { } file && !File.Exists(file)) throw new UsageException($"there is no file {file}");
        var server = new AflServer(target, device);
        return Posix.IsOpen(AflProtocol.CommandDescriptor) && Posix.IsOpen(AflProtocol.StatusDescriptor) ? server.Run() : server.RunOnce(parsed.GetValue(_file));
    }
}
