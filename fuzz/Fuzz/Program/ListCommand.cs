using System.CommandLine;
using System.Globalization;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Conformance.Selftest;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Program;

/// <summary><c>fuzz list</c>: the targets, or the broken devices.</summary>
internal sealed class ListCommand
{
    private const int Column = 18;

    private readonly FuzzHost _host;
    private readonly Option<bool> _devices = new("--devices") { Description = "List the broken devices that --device takes." };

    public ListCommand(FuzzHost host)
    {
        _host = host;
        Command = new("list", "Lists the targets.") { _devices };
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        if (parsed.GetValue(_devices))
        {
            for (int i = 0; i < BrokenDevices.All.Count; i++)
                _host.Console.Labelled($"broken:{i.ToString(CultureInfo.InvariantCulture)}", Column, BrokenDevices.All[i].Name);
            return ExitCode.AsExpected;
        }

        foreach (var target in TargetList.All) _host.Console.Labelled(target.Name, Column, target.Summary);
        return ExitCode.AsExpected;
    }
}
