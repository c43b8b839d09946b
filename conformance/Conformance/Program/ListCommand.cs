using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Program;

/// <summary><c>conformance list</c>: the checks, by id.</summary>
internal sealed class ListCommand
{
    private readonly SelectionOptions selection = new();
    private readonly SpecOption spec = new();

    public ListCommand(CliHost host)
    {
        Command = new("list", "Lists the checks, in the order in which they run.");
        selection.AddTo(Command);
        spec.AddTo(Command);
        Command.SetAction(parsed => Print(host.Console, selection.Read(parsed).Plan(host.Checks, host.Catalogue, spec.Read(parsed))));
    }

    public Command Command { get; }

    /// <summary>Prints the checks that would run.</summary>
    public static int Print(IAnsiConsole console, IReadOnlyList<PlannedCheck> plan)
    {
        int chosen = 0;
        foreach (var check in plan.Where(p => p.LeftOut is null).Select(p => p.Check))
        {
            console.Line($"{check.Level.ToString().ToUpperInvariant(),-7} {check.Id}");
            chosen++;
        }
        console.Line(string.Create(CultureInfo.InvariantCulture, $"{chosen} of {plan.Count} checks"));
        return ExitCode.AsExpected;
    }
}
