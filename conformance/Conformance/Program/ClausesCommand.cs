using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Program;

/// <summary><c>conformance clauses</c>: every clause of the spec, with its checks or the reason for having none.</summary>
internal sealed class ClausesCommand
{
    private const int IdColumn = 20;

    public ClausesCommand(CliHost host)
    {
        Command = new("clauses", "Lists every clause of the spec with its checks, or the reason why it has none.");
        Command.SetAction(_ => Print(host));
    }

    public Command Command { get; }

    private static int Print(CliHost host)
    {
        var checks = host.Judged.SelectMany(c => c.Clauses.Select(id => (id, c.Id))).ToLookup(p => p.id, p => p.Id);
        var section = "";
        foreach (var clause in host.Catalogue.Clauses)
        {
            var name = $"{ClauseCatalogue.TitleOf(clause.Family)}: {clause.Section}";
            if (name != section)
            {
                host.Console.WriteLine();
                host.Console.Line((name, new Style(decoration: Decoration.Bold)));
                section = name;
            }
            host.Console.Labelled(clause.Id, IdColumn, $"{clause.Keyword} ({clause.Role.ToString().ToLowerInvariant()}): {clause.Paraphrase}");
            foreach (var id in checks[clause.Id]) host.Console.Labelled("", IdColumn, id, null, TextLines.StyleOf(Verdict.Pass));
            if (!checks.Contains(clause.Id))
                host.Console.Labelled("", IdColumn, $"{Verdict.NotTested.Name()}: {host.NotTested.ReasonFor(clause.Id)}", null, TextLines.StyleOf(Verdict.NotTested));
        }
        host.Console.WriteLine();
        host.Console.Line(string.Create(CultureInfo.InvariantCulture,
            $"{host.Catalogue.Clauses.Count} clauses, {host.Catalogue.Clauses.Count(c => checks.Contains(c.Id))} of them with checks or, for drivers, rules"));
        return ExitCode.AsExpected;
    }
}
